# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=sh
#
# Sourced: an apt of our own, with lists and state in a folder of ours, so that
# it needs no root and leaves the machine's alone. It asks the Debian mirrors
# that the machine itself is set up with.
#
# The caller has die(), and sets $apt_dir, the folder; and $apt_arch, for another
# architecture than the machine's.

# apt_suites KIND [SUITE...]: the archives, as files for a sources.list.d in
# $apt_dir/sources.
#
# KIND is deb or deb-src. Without a SUITE: those suites of the machine's own
# release that it uses itself. With: these suites, of whatever release; one
# that ends in -security from where the machine has its own security updates,
# another from where it has its release.
apt_suites() {
	: "${apt_dir:?}"
	kind=$1
	shift
	# shellcheck source=/dev/null # exists on every Debian
	codename=$(. /etc/os-release && echo "${VERSION_CODENAME:-}")
	[ -n "$codename" ] ||
		die "/etc/os-release names no release (VERSION_CODENAME)"
	mkdir -p "$apt_dir/sources"
	for file in /etc/apt/sources.list.d/*.sources; do
		[ -e "$file" ] || continue
		awk -v codename="$codename" -v kind="$kind" -v wanted="$*" '
		BEGIN { own = "^" codename "(-updates|-security|-backports)?$" }
		function flush(	i, n, word, from, ok, out) {
			n = split(suites, word)
			for (i = 1; i <= n; i++) {
				if (word[i] ~ own)
					ok = ok " " word[i]
			}
			out = ok
			if (ok && wanted) {
				out = ""
				n = split(wanted, word)
				for (i = 1; i <= n; i++) {
					from = codename
					if (word[i] ~ /-security$/)
						from = codename "-security"
					if (index(ok " ", " " from " "))
						out = out " " word[i]
				}
			}
			if (out && components ~ /(^| )main( |$)/ && !disabled)
				printf "Types: %s\nSuites:%s\nComponents: main\n%s\n",
				       kind, out, text
			text = suites = components = field = ""
			disabled = 0
		}
		/^[ \t]*$/ { flush(); next }
		/^#/ { next }
		/^[^ \t]/ { field = tolower($1) }
		{ value = $0; if (/^[^ \t]/) sub(/^[^ \t]*[ \t]*/, "", value) }
		field == "suites:" { suites = suites " " value; next }
		field == "components:" { components = components " " value; next }
		field == "types:" || field == "architectures:" { next }
		field == "enabled:" && tolower(value) ~ /no|false/ { disabled = 1 }
		{ text = text $0 "\n" }
		END { flush() }
		' "$file" >"$apt_dir/sources/$(basename "$file")"
	done
	for file in /etc/apt/sources.list /etc/apt/sources.list.d/*.list; do
		[ -e "$file" ] || continue
		sed -n -E 's/^deb[ \t]+((\[[^]]*\][ \t]+)?[^ \t]+)[ \t]+([^ \t]+)[ \t](.*[ \t])?main([ \t].*)?$/\3 \1/p' \
			"$file" | sed -E 's/(\[|[ \t])arch=[^] \t]*/\1/' |
		while read -r suite where; do
			case $suite in
			"$codename" | "$codename-updates" | "$codename-security" | \
			"$codename-backports") ;;
			*) continue ;;
			esac
			[ $# -gt 0 ] || echo "$kind $where $suite main"
			for want; do
				case $want,$suite in
				*-security,"$codename") ;;
				*-security,"$codename-security" | *,"$codename")
					echo "$kind $where $want main" ;;
				esac
			done
		done >"$apt_dir/sources/$(basename "$file" .list).list"
	done
	find "$apt_dir/sources" -size 0 -delete
	[ -n "$(ls "$apt_dir/sources")" ] ||
		die "apt has no Debian $codename archive in its sources"
}

# apt_ours COMMAND ARG...: apt-get with that and nothing else. Nothing counts
# as installed. The sandbox user could not read the folder.
apt_ours() {
	tool=$1
	shift
	mkdir -p "$apt_dir/lists/partial" "$apt_dir/cache/archives/partial"
	[ -e "$apt_dir/status" ] || : >"$apt_dir/status"
	"$tool" -q -o "Dir::Etc::SourceList=/dev/null" \
		-o "Dir::Etc::SourceParts=$apt_dir/sources" \
		-o "Dir::Etc::Preferences=/dev/null" \
		-o "Dir::Etc::PreferencesParts=/dev/null" \
		-o "Dir::State::Lists=$apt_dir/lists" \
		-o "Dir::State::status=$apt_dir/status" \
		-o "Dir::State::extended_states=$apt_dir/extended" \
		-o "Dir::Cache=$apt_dir/cache" \
		-o "Debug::NoLocking=1" \
		${apt_arch:+-o "APT::Architecture=$apt_arch"} \
		${apt_arch:+-o "APT::Architectures::=$apt_arch"} \
		-o "APT::Sandbox::User=" -o "Acquire::Languages=none" \
		-o "Acquire::Retries=3" "$@"
}

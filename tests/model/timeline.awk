# SPDX-License-Identifier: GPL-2.0-or-later
#
# The lines that a replayed trail prints ("lane|what") as a timeline: a column
# for each CPU, driver worker and engine, time downwards. found: what is wrong at
# its end, in the words of rules.def.
BEGIN {
	FS = "|"
	split("cpu0 cpu1 exit driver0 driver1 device engine0 engine1", order, " ")
}
/^[a-z]+[0-9]?\|/ {
	n++
	lane[n] = $1
	what[n] = $2
	used[$1] = 1
}
END {
	width = 30
	lanes = 0
	for (i = 1; i <= 8; i++)
		if (order[i] in used) {
			at[order[i]] = lanes++
			head = head sprintf("%-" width "s", order[i])
		}
	sub(/ +$/, "", head)
	print "step  " head
	for (i = 1; i <= n; i++) {
		text = what[i]
		first = 1
		# A long line goes on below, in its own column.
		while (text != "") {
			piece = text
			if (length(piece) > width - 2) {
				cut = width - 2
				while (cut > 1 && substr(text, cut + 1, 1) != " ")
					cut--
				piece = substr(text, 1, cut)
			}
			text = substr(text, length(piece) + 2)
			printf "%4s  %" at[lane[i]] * width "s%s\n", first ? i : "", "", piece
			first = 0
		}
	}
	if (found == "subset")
		print "      ^ here secondary is no subset of primary any more"
	else if (found == "table")
		print "      ^ here a table is used that is gone"
	else if (found == "lost")
		print "      ^ and nobody goes on from here: a fault waits for ever"
}

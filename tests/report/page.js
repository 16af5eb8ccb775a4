// SPDX-License-Identifier: GPL-2.0-or-later
// What is under the pointer is told, and the rest of the same life marked.
const tip = document.getElementById("tip");
let hot = [];
document.addEventListener("mouseover", (event) => {
  const at = event.target.closest("[data-d]");
  hot.forEach((e) => e.classList.remove("hot"));
  hot = [];
  tip.style.display = "none";
  if (!at) return;
  if (at.dataset.l)
    hot = [...document.querySelectorAll('svg [data-l="' + at.dataset.l + '"]')];
  hot.forEach((e) => e.classList.add("hot"));
  tip.textContent = at.dataset.d;
  tip.style.display = "block";
});
document.addEventListener("mousemove", (event) => {
  const x = Math.min(event.clientX + 14, innerWidth - tip.offsetWidth - 8);
  const y = Math.min(event.clientY + 14, innerHeight - tip.offsetHeight - 8);
  tip.style.left = x + "px";
  tip.style.top = y + "px";
});

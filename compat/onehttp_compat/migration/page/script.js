"use strict";
const form = document.getElementById("filters");
if (form) {
  const sites = [...document.querySelectorAll("details.site")];
  const field = id => document.getElementById(id);
  const shown = () => sites.filter(site => !site.hidden);
  const show = () => {
    const words = field("find").value.toLowerCase().split(/\s+/);
    for (const site of sites) {
      const is = site.dataset;
      site.hidden = !(words.every(word => is.text.includes(word))
        && (!field("module").value || is.module === field("module").value)
        && (!field("kind").value || is.kind === field("kind").value)
        && (!field("hand").checked || is.hand));
    }
    for (const section of document.querySelectorAll("section.file"))
      section.hidden = !section.querySelector("details.site:not([hidden])");
    field("shown").textContent = shown().length + " of " + sites.length + " shown";
  };
  form.addEventListener("input", show);
  form.addEventListener("submit", event => event.preventDefault());
  field("open").addEventListener("click", () => {
    const them = shown(), is = them.some(site => !site.open);
    for (const site of them) site.open = is;
  });
  document.addEventListener("keydown", event => {
    if (event.key === "Escape" && event.target === field("find")) { event.target.blur(); return; }
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.matches("input[type=search], select")) return;
    if (event.key === "/") { event.preventDefault(); field("find").focus(); }
    if (event.key !== "j" && event.key !== "k") return;
    const open = shown().map(site => site.querySelector("summary"));
    const here = open.indexOf(document.activeElement);
    const next = open[event.key === "j" ? here + 1 : Math.max(0, here - 1)];
    if (next) next.focus();
  });
  show();
}

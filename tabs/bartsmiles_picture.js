/* The coloured molecule: runs inside a gr.HTML component (element, props, trigger and watch are given; its inside is
   drawn anew with each value). Atoms and tokens light up together; a tap keeps one lit. */
let kept = null;
const told = () => element.querySelector(".np-molecule-told");
const show = (atoms, text) => {
  for (const node of element.querySelectorAll(".lit")) node.classList.remove("lit");
  const wanted = new Set(atoms);
  if (wanted.size) {
    for (const node of element.querySelectorAll("[data-atom]")) node.classList.toggle("lit", wanted.has(node.dataset.atom));
    for (const node of element.querySelectorAll("[data-atoms]")) {
      const own = node.dataset.atoms.split(" ").filter(Boolean);
      node.classList.toggle("lit", own.length > 0 && own.every((atom) => wanted.has(atom)));
    }
  }
  const line = told();
  if (line) line.textContent = text || line.dataset.rest;
};
const under = (target) => {
  const node = target.closest?.("[data-atom], [data-atoms]");
  if (!node || !element.contains(node)) return null;
  const atoms = (node.dataset.atom ?? node.dataset.atoms).split(" ").filter(Boolean);
  return { atoms, text: node.dataset.say };
};
const back = () => (kept ? show(kept.atoms, kept.text) : show([], ""));
element.addEventListener("pointerover", (event) => {
  const found = under(event.target);
  if (found) show(found.atoms, found.text);
  else back();
});
element.addEventListener("pointerleave", back);
element.addEventListener("focusin", (event) => {
  const found = under(event.target);
  if (found) show(found.atoms, found.text);
});
element.addEventListener("focusout", back);
element.addEventListener("click", (event) => {
  const found = under(event.target);
  kept = found && kept?.text !== found.text ? found : null;
  back();
});
watch("value", () => { kept = null; });
trigger("ready");

/* The turntable: runs inside a gr.HTML component (element is given; its inside is drawn anew with each value). */
const FRAME_PIXELS = 14; // a drag of so many pixels turns by one view
const show = (stage, view) => {
  const count = Number(stage.dataset.count);
  const strip = stage.firstElementChild;
  stage.dataset.view = ((view % count) + count) % count;
  strip.classList.add("held");
  strip.style.backgroundPositionX = count > 1 ? `${(100 * stage.dataset.view) / (count - 1)}%` : "0";
};
const now = (stage) => {
  // Where the free turning stands when a hand takes hold of it.
  if (stage.dataset.view !== undefined) return Number(stage.dataset.view);
  const [running] = stage.firstElementChild.getAnimations();
  const share = running?.effect?.getComputedTiming().progress ?? 0;
  return Math.floor(share * Number(stage.dataset.count));
};
let drag = null;
element.addEventListener("pointerdown", (event) => {
  const stage = event.target.closest(".np-turntable-stage");
  if (!stage || stage.dataset.count === "1") return;
  drag = { stage, x: event.clientX, view: now(stage) };
  stage.setPointerCapture(event.pointerId);
  show(stage, drag.view);
});
element.addEventListener("pointermove", (event) => {
  if (drag) show(drag.stage, drag.view - Math.round((event.clientX - drag.x) / FRAME_PIXELS));
});
for (const name of ["pointerup", "pointercancel"]) element.addEventListener(name, () => { drag = null; });
element.addEventListener("keydown", (event) => {
  const stage = event.target.closest(".np-turntable-stage");
  const step = { ArrowLeft: 1, ArrowRight: -1 }[event.key];
  if (!stage || !step) return;
  event.preventDefault();
  show(stage, now(stage) + step);
});
element.addEventListener("click", (event) => {
  const button = event.target.closest("[data-depth]");
  if (!button) return;
  const depth = button.getAttribute("aria-pressed") !== "true";
  button.setAttribute("aria-pressed", depth);
  button.textContent = depth ? "Depth: bright is near" : "Depth";
  const strip = element.querySelector(".np-turntable-strip");
  strip.style.backgroundImage = `url('${depth ? button.dataset.depth : button.dataset.strip}')`;
});

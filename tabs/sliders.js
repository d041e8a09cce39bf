/* Sliders: runs inside a gr.HTML component (element, props and trigger are given). */
const update = (change) => { props.value = { ...props.value, rows: props.value.rows.map(change) }; };
const nameOf = (target) => target.closest("[data-name]").dataset.name;
let waiting = 0; // one event per frame: a finger moves faster than a page draws
const tell = () => {
  if (waiting) return;
  waiting = requestAnimationFrame(() => { waiting = 0; trigger("input"); });
};
element.addEventListener("input", (event) => {
  event.stopPropagation();
  const name = nameOf(event.target);
  const value = Number(event.target.value);
  update((row) => (row.name === name ? { ...row, value, touched: true } : row));
  tell();
});
element.addEventListener("change", (event) => { event.stopPropagation(); trigger("release"); });
element.addEventListener("keydown", (event) => {
  // a step of "any" lets a finger be exact, but makes arrow keys creep
  const move = { ArrowLeft: -0.05, ArrowDown: -0.05, ArrowRight: 0.05, ArrowUp: 0.05 }[event.key];
  if (!move || event.target.type !== "range") return;
  event.preventDefault();
  const low = Number(event.target.min);
  const high = Number(event.target.max);
  event.target.value = Number(event.target.value) + move * (high - low);
  event.target.dispatchEvent(new Event("input", { bubbles: true }));
  event.target.dispatchEvent(new Event("change", { bubbles: true }));
});
element.addEventListener("click", (event) => {
  const choice = event.target.closest("[data-choice]");
  if (choice) {
    const name = nameOf(choice);
    const value = Number(choice.dataset.choice);
    update((row) => (row.name === name ? { ...row, value, touched: true } : row));
  } else if (event.target.closest("[data-reset]")) {
    update((row) => (row.mark === null ? row : { ...row, value: row.mark, touched: false }));
  } else return;
  trigger("input");
  trigger("release");
});

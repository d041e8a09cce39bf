/* Cards of people: runs inside a gr.HTML component (element, props, trigger and watch are given). */
const list = element.querySelector("ol");
const add = element.querySelector(".np-people-add");
const pairs = () => (Array.isArray(props.value) ? props.value : []);
const read = () =>
  [...list.children].map((card) => [card.querySelector("input").value, card.querySelector("textarea").value]);
const store = () => { props.value = read(); trigger("input"); };
const grows = CSS.supports("field-sizing", "content"); // else a card is made as high as its text by hand
const fit = (text) => {
  if (grows || !text.scrollHeight) return;
  text.style.height = "auto";
  text.style.height = `${text.scrollHeight}px`;
};
let width = 0;
if (!grows) new ResizeObserver(() => { // a tab that is opened only now, a phone that is turned
  if (list.clientWidth === width) return;
  width = list.clientWidth;
  list.querySelectorAll("textarea").forEach(fit);
}).observe(list);
const make = (tag, attributes) => Object.assign(document.createElement(tag), attributes);

const number = () => {
  [...list.children].forEach((card, index) => {
    const who = props.fixed ? card.querySelector("input").value : `person ${index + 1}`;
    card.querySelector("input").ariaLabel = `Name of person ${index + 1}`;
    card.querySelector("textarea").ariaLabel = `What ${who} says`;
    const remove = card.querySelector("button");
    if (remove) remove.ariaLabel = `Remove person ${index + 1}`;
  });
  if (add) add.hidden = list.children.length >= props.most;
};
const append = ([name, text]) => {
  const card = document.createElement("li");
  card.append(make("input", { type: "text", value: name, placeholder: "Name", maxLength: 60, readOnly: props.fixed }));
  if (!props.fixed) card.append(make("button", { type: "button", textContent: "×", title: "Remove" }));
  card.append(make("textarea", { value: text, placeholder: props.placeholder, rows: 2 }));
  list.append(card);
  fit(card.querySelector("textarea"));
  return card;
};
const show = () => {
  if (JSON.stringify(read()) === JSON.stringify(pairs())) return; // what was typed here comes back unchanged
  list.replaceChildren();
  pairs().forEach(append);
  number();
};
list.addEventListener("input", (event) => {
  if (event.target.matches("textarea")) fit(event.target);
  store();
});
list.addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (!button) return;
  const card = button.closest("li");
  const next = card.nextElementSibling ?? card.previousElementSibling;
  card.remove();
  if (!next) append(["", ""]);
  (next ?? list.firstElementChild).querySelector("textarea").focus();
  number();
  store();
});
add?.addEventListener("click", () => {
  append(["", ""]).querySelector("input").focus();
  number();
  store();
});
watch("value", show);
show();

/* The verdict's controls: runs inside a gr.HTML component (element, props, trigger and watch are given). Its inside is
   drawn anew whenever a prop changes. `view` is the page's own: a new value from the server leaves it as it is. */
const START = { stop: (props.value.alphas.length - 1) / 2, opened: -1, rated: -1, peeked: -1, draft: [], all: false };
const view = (changes) => { props.view = { ...(props.view ?? START), ...changes }; };
const index = (node, name) => Number(node.dataset[name]);
const toggled = (name, statement) => ({ [name]: props.view[name] === statement ? -1 : statement });
const settle = () => trigger("choose", { stop: props.view.stop });
view({});

element.addEventListener("input", (event) => {
  if (event.target.type === "range") view({ stop: Number(event.target.value) });
});
element.addEventListener("change", (event) => {
  if (event.target.type === "range") settle();
});
element.addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (!button) return;
  const { stop, open, peek, rate, score, apply, back, all } = button.dataset;
  if (stop) {
    view({ stop: Number(stop) });
    settle();
  } else if (open) view(toggled("opened", Number(open)));
  else if (peek) view(toggled("peeked", Number(peek)));
  else if (rate) {
    const own = props.value.own[rate];
    const draft = props.value.ratings[rate].map((rating, i) => (own[i] ? rating : null));
    view({ ...toggled("rated", Number(rate)), draft });
  } else if (score) {
    const person = index(button, "person");
    const given = (old) => (old === Number(score) ? null : Number(score));
    view({ draft: props.view.draft.map((old, i) => (i === person ? given(old) : old)) });
  } else if (apply !== undefined) {
    const { rated: statement, draft: ratings } = props.view;
    view({ rated: -1 });
    trigger("rate", { statement, ratings });
  } else if (back !== undefined) trigger("back");
  else if (all !== undefined) view({ all: !props.view.all });
});

const about = () => JSON.stringify([props.value?.question, props.value?.people, props.value?.critiques]);
let last = about();
watch("value", () => {
  if (about() === last) return;
  last = about(); // another group or round: nothing is open any more, but the slider stays
  view({ ...START, stop: props.view.stop });
});

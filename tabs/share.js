/* The share button: runs inside a gr.HTML component (element, props, trigger and watch are given). */
const own = () => new URL(window.location).searchParams.get("tab") === props.paper;
const say = (text) => { element.querySelector("[role=status]").textContent = text; };

const linkTo = (values) => {
  const inputs = new URLSearchParams();
  props.names.forEach((name, i) => {
    inputs.set(name, typeof values[i] === "string" ? values[i] : JSON.stringify(values[i] ?? null));
  });
  const link = new URL(window.location);
  link.search = new URLSearchParams({ tab: props.paper });
  link.hash = inputs;
  return link.href;
};

element.addEventListener("click", (event) => { if (event.target.closest("button")) trigger("click"); });
watch("value", async () => {
  if (!props.value?.values) return;
  const link = linkTo(props.value.values);
  window.history.replaceState(null, "", link);
  try {
    await navigator.clipboard.writeText(link);
    say("Link copied");
  } catch {
    say("The link is now in the address bar");
  }
});

const open = () => {
  if (!own() || !window.location.hash.includes("=")) return;
  props.value = window.location.hash.slice(1);
  trigger("open");
};
window.addEventListener("hashchange", open);
open();

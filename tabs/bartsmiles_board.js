/* The drawing board: runs inside a gr.HTML component (element, props, trigger and watch are given). */
const board = element.querySelector("details");
const place = element.querySelector(".np-molecule-canvas");
const say = (text) => { element.querySelector("[role=status]").textContent = text; };
let editor = null;
let chemistry = null;
let drawn = "";

const load = async () => {
  say("The editor is coming …");
  try {
    chemistry = await import(new URL(props.source, document.baseURI).href);
  } catch {
    say("The editor could not be loaded. Typing SMILES works as before.");
    return;
  }
  editor = new chemistry.CanvasEditor(place, {});
  editor.setOnChangeListener((event) => {
    if (event.type !== "molecule" || !event.isUserEvent) return;
    drawn = editor.getMolecule().toIsomericSmiles({ kekulizedOutput: true });
    props.value = drawn;
    trigger("input");
  });
  say("Draw, then press the button below. What is drawn stands as SMILES in the field above.");
  put();
};
const put = () => {
  if (!editor || props.value === drawn) return;
  drawn = props.value;
  try {
    editor.setMolecule(chemistry.Molecule.fromSmiles(props.value || ""));
  } catch {
    editor.clearAll(); // half a string is no molecule yet
  }
};
board.addEventListener("toggle", () => {
  if (!board.open) return;
  if (!chemistry) { chemistry = {}; load(); }
  trigger("open");
});
watch("value", put);

/* The drawing pad: runs inside a gr.HTML component (element, props, trigger and watch are given). */
const canvas = element.querySelector("canvas");
const pen = canvas.getContext("2d");
let last = null;
const blank = () => { pen.fillStyle = "white"; pen.fillRect(0, 0, canvas.width, canvas.height); };
const show = () => {
  blank();
  if (!props.value) return;
  const picture = new Image();
  picture.onload = () => pen.drawImage(picture, 0, 0, canvas.width, canvas.height);
  picture.src = props.value;
};
const at = (event) => {
  const box = canvas.getBoundingClientRect();
  const scale = canvas.width / box.width;
  return [(event.clientX - box.left) * scale, (event.clientY - box.top) * scale];
};
const line = (from, to) => {
  pen.strokeStyle = "black"; pen.lineWidth = 24; pen.lineCap = "round"; pen.lineJoin = "round";
  pen.beginPath(); pen.moveTo(...from); pen.lineTo(...to); pen.stroke();
};
canvas.addEventListener("pointerdown", (event) => {
  event.preventDefault(); canvas.setPointerCapture(event.pointerId);
  last = at(event); line(last, last);
});
canvas.addEventListener("pointermove", (event) => {
  if (!last) return;
  for (const move of event.getCoalescedEvents?.() ?? [event]) {
    const next = at(move);
    line(last, next);
    last = next;
  }
});
const end = () => {
  if (!last) return;
  last = null; props.value = canvas.toDataURL("image/png"); trigger("input");
};
canvas.addEventListener("pointerup", end);
canvas.addEventListener("pointercancel", end);
const clear = () => { blank(); props.value = ""; trigger("clear"); };
element.querySelector(".np-pad-clear").addEventListener("click", clear);
canvas.addEventListener("keydown", (event) => {
  if (event.key === "Delete" || event.key === "Backspace") { event.preventDefault(); clear(); }
});
watch("value", show);
show();

/* Balls and sticks: runs inside a gr.HTML component (element, props and watch are given; its inside is drawn anew with
   each value). The farthest are painted first. */
const INK = { C: "#6f6b63", H: "#e9e6df", N: "#4a6fd4", O: "#d8453a", S: "#d9b13b", F: "#5fb35a", Cl: "#3f9a44",
  Br: "#a3562f", I: "#7d4fa8", P: "#e08a2e", B: "#e2a28e" };
const RADIUS = { H: 0.24, C: 0.36, N: 0.35, O: 0.34 };
let turn = [0.35, 0.5];
let colours = "map";
let hold = null;

const rotated = ([x, y, z]) => {
  const [a, b] = turn;
  const [x1, z1] = [x * Math.cos(b) + z * Math.sin(b), z * Math.cos(b) - x * Math.sin(b)];
  return [x1, y * Math.cos(a) - z1 * Math.sin(a), y * Math.sin(a) + z1 * Math.cos(a)];
};
const paint = () => {
  const canvas = element.querySelector("canvas");
  if (!canvas || !props.value) return;
  const pen = canvas.getContext("2d");
  const { atoms, bonds } = props.value;
  const places = atoms.map((atom) => rotated(atom));
  const size = Math.max(2.2, ...atoms.map(([x, y, z]) => Math.hypot(x, y, z))) + 0.6;
  const unit = Math.min(canvas.width, canvas.height) / (2.1 * size) * Math.min(1.25, 1 + 1.5 / size);
  const at = ([x, y, z]) => {
    const near = 1 + z / (6 * size);
    return [canvas.width / 2 + x * unit * near, canvas.height / 2 - y * unit * near, unit * near];
  };
  const ink = (i) => (colours === "map" && atoms[i][3] !== "H" && atoms[i][4]) || INK[atoms[i][3]] || "#b08fc7";
  const radius = (i) => RADIUS[atoms[i][3]] ?? 0.42;
  pen.clearRect(0, 0, canvas.width, canvas.height);
  const things = places.map((place, i) => ({ z: place[2], draw: () => {
    const [x, y, scale] = at(place);
    const r = radius(i) * scale;
    pen.beginPath(); pen.arc(x, y, r, 0, 2 * Math.PI);
    pen.fillStyle = ink(i); pen.fill();
    const light = pen.createRadialGradient(x - r / 3, y - r / 3, r / 10, x, y, r);
    light.addColorStop(0, "rgba(255,255,255,.55)"); light.addColorStop(0.5, "rgba(255,255,255,0)");
    light.addColorStop(1, "rgba(0,0,0,.28)");
    pen.fillStyle = light; pen.fill();
    if (atoms[i][3] === "C" || atoms[i][3] === "H") return;
    pen.fillStyle = "#1b1b19"; pen.font = `600 ${Math.round(r)}px sans-serif`;
    pen.textAlign = "center"; pen.textBaseline = "middle"; pen.fillText(atoms[i][3], x, y);
  } }));
  for (const [i, j, order] of bonds) {
    const [one, other] = [places[i], places[j]];
    const apart = Math.hypot(...one.map((x, k) => x - other[k])) || 1;
    // a stick begins inside the balls' skin, so that it never covers a face
    const skin = (from, to, k) => from.map((x, d) => x + ((to[d] - x) * 0.8 * radius(k)) / apart);
    const [from, to] = [skin(one, other, i), skin(other, one, j)];
    things.push({ z: (from[2] + to[2]) / 2, draw: () => {
      const [x1, y1, scale] = at(from);
      const [x2, y2] = at(to);
      const length = Math.hypot(x2 - x1, y2 - y1) || 1;
      const [nx, ny] = [-(y2 - y1) / length, (x2 - x1) / length];
      const lines = order >= 1.4 ? (order > 2.5 ? [-1, 0, 1] : [-1, 1]) : [0];
      pen.strokeStyle = "#8f8a80"; pen.lineCap = "round";
      pen.lineWidth = scale * (lines.length > 1 ? 0.07 : 0.13);
      for (const k of lines) {
        const shift = k * scale * 0.11;
        pen.setLineDash(order === 1.5 && k === 1 ? [scale * 0.16, scale * 0.12] : []);
        pen.beginPath(); pen.moveTo(x1 + nx * shift, y1 + ny * shift); pen.lineTo(x2 + nx * shift, y2 + ny * shift); pen.stroke();
      }
      pen.setLineDash([]);
    } });
  }
  things.sort((one, other) => one.z - other.z).forEach((thing) => thing.draw());
};
element.addEventListener("pointerdown", (event) => {
  if (event.target.tagName !== "CANVAS") return;
  hold = [event.clientX, event.clientY];
  event.target.setPointerCapture(event.pointerId);
});
element.addEventListener("pointermove", (event) => {
  if (!hold) return;
  turn = [turn[0] + (event.clientY - hold[1]) / 120, turn[1] + (event.clientX - hold[0]) / 120];
  hold = [event.clientX, event.clientY];
  paint();
});
for (const name of ["pointerup", "pointercancel"]) element.addEventListener(name, () => { hold = null; });
element.addEventListener("keydown", (event) => {
  const step = { ArrowLeft: [0, -0.15], ArrowRight: [0, 0.15], ArrowUp: [-0.15, 0], ArrowDown: [0.15, 0] }[event.key];
  if (!step || event.target.tagName !== "CANVAS") return;
  event.preventDefault();
  turn = [turn[0] + step[0], turn[1] + step[1]];
  paint();
});
element.addEventListener("click", (event) => {
  const button = event.target.closest("[data-colours]");
  if (!button) return;
  colours = button.dataset.colours;
  mark();
  paint();
});
const mark = () => {
  for (const button of element.querySelectorAll("[data-colours]")) {
    button.setAttribute("aria-pressed", String(button.dataset.colours === colours));
  }
};
watch("value", () => requestAnimationFrame(() => { mark(); paint(); }));
paint();

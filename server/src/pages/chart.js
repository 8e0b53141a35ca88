// Charts of the last minutes, drawn by hand as SVG. A second without news is a gap, never a guess.

const HEIGHT = 208;
const BOTTOM = 20;
const LEFT = 46;
const SVG = "http://www.w3.org/2000/svg";

const shape = (name, attributes, text) => {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  if (text !== undefined) made.textContent = text;
  return made;
};

/** What was seen, second by second, for so many seconds back. */
export class History {
  #seconds;
  #points = [];

  constructor(seconds) {
    this.#seconds = seconds;
  }

  /** `at` in seconds, by a clock that does not jump. */
  add(at, values) {
    this.#points.push({ at, values });
    while (this.#points[0].at < at - this.#seconds) this.#points.shift();
  }

  get seconds() {
    return this.#seconds;
  }

  get points() {
    return this.#points;
  }
}

/** Points in runs without a gap. */
function runsOf(points) {
  const runs = [];
  let last = -Infinity;
  for (const point of points) {
    if (point.at - last > 2.5) runs.push([]);
    runs.at(-1).push(point);
    last = point.at;
  }
  return runs;
}

/** A frame to draw in: its scales, its lines and their labels. */
function frame(box, name, history, now, marks) {
  const width = Math.max(box.clientWidth, 200);
  const x = (at) => LEFT + (width - LEFT) * (1 - (now - at) / history.seconds);
  const svg = shape("svg", { viewBox: `0 0 ${width} ${HEIGHT}`, role: "img", "aria-label": name });
  for (const { y, label } of marks) {
    svg.append(
      shape("line", { class: "grid", x1: LEFT, x2: width, y1: y, y2: y }),
      shape("text", { x: LEFT - 8, y: y + 4, "text-anchor": "end" }, label),
    );
  }
  const apart = width < 480 ? 2 : 1;
  for (let minutes = 0; minutes <= history.seconds / 60; minutes += apart) {
    const anchor = minutes === 0 ? "end" : "middle";
    const label = minutes === 0 ? "now" : `−${minutes} min`;
    const at = Math.max(x(now - minutes * 60), LEFT + 16);
    svg.append(shape("text", { x: at, y: HEIGHT - 4, "text-anchor": anchor }, label));
  }
  return { svg, x };
}

/** A round number that is no less: 1, 2 or 5 and zeros. */
export function roundUp(number) {
  const power = 10 ** Math.floor(Math.log10(Math.max(number, 1)));
  return [1, 2, 5, 10].find((factor) => factor * power >= number) * power;
}

/** Areas one upon the other, in the order of `kinds`. */
export function drawAreas(box, { name, history, now, kinds, label }) {
  const sum = ({ values }) => kinds.reduce((total, kind) => total + values[kind], 0);
  const top = roundUp(Math.max(10, ...history.points.map(sum)));
  const y = (value) => (HEIGHT - BOTTOM) * (1 - value / top) + 6 * (value / top);
  const marks = [0, top / 2, top].map((value) => ({ y: y(value), label: label(value) }));
  const { svg, x } = frame(box, name, history, now, marks);
  for (const run of runsOf(history.points)) {
    const floor = run.map(() => 0);
    for (const kind of kinds) {
      const bottom = run.map(({ at }, index) => `${x(at).toFixed(1)},${y(floor[index]).toFixed(1)}`);
      run.forEach(({ values }, index) => (floor[index] += values[kind]));
      const upper = run.map(({ at }, index) => `${x(at).toFixed(1)},${y(floor[index]).toFixed(1)}`);
      svg.append(shape("polygon", { class: kind, points: [...upper, ...bottom.reverse()].join(" ") }));
    }
  }
  box.replaceChildren(svg);
}

/** Lines over powers of ten: what is a thousand times as slow is still on the picture. A 0 is no value. */
export function drawLines(box, { name, history, now, kinds, label }) {
  const values = history.points.flatMap((point) => kinds.map((kind) => point.values[kind])).filter((value) => value > 0);
  const low = Math.floor(Math.log10(Math.min(100, ...values)));
  const high = Math.max(low + 2, Math.ceil(Math.log10(Math.max(1_000, ...values))));
  const y = (value) => 6 + (HEIGHT - BOTTOM - 6) * (1 - (Math.log10(value) - low) / (high - low));
  const marks = [];
  for (let power = low; power <= high; power += 1) marks.push({ y: y(10 ** power), label: label(10 ** power) });
  const { svg, x } = frame(box, name, history, now, marks);
  for (const kind of kinds) {
    for (const run of runsOf(history.points.filter((point) => point.values[kind] > 0))) {
      const path = run.map((point) => `${x(point.at).toFixed(1)},${y(point.values[kind]).toFixed(1)}`);
      svg.append(shape("polyline", { class: kind, points: path.join(" ") }));
    }
  }
  box.replaceChildren(svg);
}

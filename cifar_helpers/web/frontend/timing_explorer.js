// Time per image against batch size: two curves compared at a batch size that is dragged along the axis.
import styles from "./timing_explorer.css";
import { h, svg, mount, framed, binding } from "./ui.js";
import { button, roving } from "./controls.js";
import { chart } from "./chart.js";
import { fixed, percent, roundedToSum } from "./numbers.js";

const SOURCES = [
  { name: "here", title: "Measured here", dash: "" },
  { name: "recorded", title: "Recorded by the course", dash: "7 4" },
  { name: "reported", title: "Reported by others", dash: "2 4" },
];
const DOUBLINGS = 4; // stops of the batch size between one and its double
const MARGIN = 1.07; // room for the dots at the ends
const CLOSE = 0.1; // relative error up to which the split is said to fit

/**
 * @param {{model: any, el: HTMLElement}} host
 * @returns {() => void}
 */
export function render({ model, el }) {
  const { root, say, close } = mount(el, "timing_explorer", "Timing explorer", styles, () => {});
  const draw = framed(show);
  const state = binding(model, { compared: draw, batch: draw });
  const set = values => {
    state.set(values);
    draw();
  };
  const curves = model.get("curves").map((curve, k) => ({ ...curve, colour: `c${(k % 6) + 1}` }));
  const sizes = [...new Set(curves.flatMap(curve => curve.points.map(point => point[0])))].sort((a, b) => a - b);
  const [least, most] = [sizes[0], sizes[sizes.length - 1]];
  const compared = () => model.get("compared").map(name => curves.find(curve => curve.name === name));

  const chips = curves.map(curve => {
    const pressed = () => press(curve.name);
    const node = h("button", { type: "button", class: "cw-chip", onclick: pressed }, key(curve), shortName(curve));
    return { curve, node };
  });
  const ofSource = source => chips.filter(chip => chip.curve.source === source.name).map(chip => chip.node);
  const sources = SOURCES.filter(source => ofSource(source).length);
  const bar = h(
    "div", { class: "te-bar", role: "group", "aria-label": "Curves: press two to compare them" },
    sources.map(source => h(
      "div", { class: "te-source" },
      h("span", { class: "cw-cap" }, source.title),
      h("div", { class: "te-chips" }, ofSource(source)),
    )),
  );
  roving(bar, sources.flatMap(ofSource));

  const view = chart({
    label: "Time per image against batch size",
    height: 300,
    x: { label: "images per batch", log: true },
    y: { label: "Time per image (ms)", log: true },
    marker: {
      label: "Batch size",
      anywhere: true,
      text: batch => `batch ${batch}`,
      moved: batch => {
        set({ batch });
        say(inWords());
      },
    },
    say,
  });
  const words = h("p", { class: "cw-lead te-words" });
  const cross = button("Go to the crossover", () => {
    set({ batch: Math.max(least, Math.min(most, Math.round(/** @type {number} */ (crossing())))) });
    say(inWords());
  });
  const splits = h("div", { class: "te-splits" });
  const note = h("p", { class: "cw-cap" });
  root.append(
    bar, view.node, h("div", { class: "te-read" }, words, cross),
    h(
      "div", { class: "te-legend cw-cap" },
      h("b", {}, "Where an image’s time goes"),
      h("span", {}, h("i", { class: "te-step" }), "its share of the step’s overhead"),
      h("span", {}, h("i", { class: "te-image" }), "its own time"),
      h("span", {}, h("i", { class: "te-measured" }), "measured"),
    ),
    splits,
    h("div", { class: "cw-foot" }, note),
  );

  function press(name) {
    const names = model.get("compared");
    if (!names.includes(name)) set({ compared: [...names, name].slice(-2) });
    else if (names.length > 1) set({ compared: names.filter(other => other !== name) });
    say(inWords());
  }

  /** The batch size at which the compared curves cross, as Python computed it. */
  function crossing() {
    const places = compared().map(curve => curves.indexOf(curve));
    return model.get("crossings").find(([i, j]) => places.includes(i) && places.includes(j))?.[2] ?? null;
  }

  function inWords() {
    const batch = model.get("batch");
    const times = compared().map(curve => ({ name: curve.name, time: timeAt(curve.points, batch) }));
    const said = times.map(({ name, time }) => `${name} ${Number.isNaN(time) ? "not measured" : `${number(time)}\u00a0ms`}`);
    const begin = `Time per image in batches of ${batch}: ${said.join("; ")}.`;
    if (times.length < 2) return `${begin} Press a second curve to compare.`;
    const [fast, slow] = [...times].sort((a, b) => a.time - b.time);
    const ratio = slow.time / fast.time;
    const shown = ratio < 10 ? ratio.toPrecision(2) : Math.round(ratio);
    const who = Number.isNaN(ratio) ? "" : ` ${fast.name} is ${shown} times as fast.`;
    const place = crossing();
    const where = place === null ? "The curves do not cross." : `They cross near batch ${Math.round(place)}.`;
    return `${begin}${who} ${where}`;
  }

  function show() {
    const batch = model.get("batch");
    const both = compared();
    for (const { curve, node } of chips) node.setAttribute("aria-pressed", both.includes(curve));
    const place = crossing();
    const behind = curves.filter(curve => !both.includes(curve));
    const lines = [...behind, ...both].map(curve => ({
      name: curve.name,
      colour: both.includes(curve) ? curve.colour : "ghost",
      dash: dashOf(curve),
      thin: !both.includes(curve),
      marks: both.includes(curve),
      points: curve.points,
    }));
    if (place !== null) {
      const point = [place, timeAt(both[0].points, place)];
      lines.push({ name: "", colour: "ghost", points: [point], dash: "", thin: true, marks: true });
    }
    view.set({
      series: lines,
      x: [least / MARGIN, most * MARGIN],
      rules: place === null ? [] : [{ x: place, label: `cross at ${Math.round(place)}` }],
      marker: batch,
      stops: stops(least, most, [...sizes, batch]),
    });
    words.replaceChildren(...emphasised(inWords(), both));
    cross.disabled = place === null;
    const known = both.filter(curve => curve.fit).map(curve => {
      const { step, image } = curve.fit;
      return { curve, step: step / batch, image, measured: timeAt(curve.points, batch) };
    });
    const scale = Math.max(...known.map(part => Math.max(part.step + part.image, part.measured || 0)));
    splits.replaceChildren(...known.map(part => split(part, scale)));
    note.replaceChildren(...emphasised(caution(both), both));
  }

  show();
  return () => {
    state.close();
    view.close();
    close();
  };
}

/** A bar for one curve: the two parts of the fit, and a line where the measured time is. */
function split({ curve, step, image, measured }, scale) {
  const share = value => `${(100 * value) / scale}%`;
  const gap = (step + image) / measured - 1;
  const off = !Number.isFinite(gap) ? "not measured" : `measured ${number(measured)}`;
  const digits = step + image < 1 ? 3 : 2;
  const { parts, sum } = roundedToSum([step, image], digits);
  const numbers = `${fixed(parts[0], digits)} + ${fixed(parts[1], digits)} = ${fixed(sum, digits)} ms`;
  const label = `${curve.name}: overhead plus time of the image, ${numbers}; ${off}`;
  return h(
    "div", { class: "te-row", role: "img", "aria-label": label },
    h("span", { class: "te-name" }, key(curve), curve.name),
    h("span", { class: "te-numbers" }, numbers, h("span", { class: "cw-cap" }, off)),
    h(
      "div", { class: "te-split" },
      h("i", { class: "te-step", style: `width:${share(step)}` }),
      h("i", { class: "te-image", style: `width:${share(image)}` }),
      Number.isFinite(measured) ? h("i", { class: "te-measured", style: `left:${share(measured)}` }) : null,
    ),
  );
}

/** How the split was found, and where not to believe it. */
function caution(both) {
  const errors = both.map(({ name, fit }) => {
    if (!fit) return `${name} has too few batch sizes to be split.`;
    const error = percent(Math.abs(fit.error));
    if (Math.abs(fit.error) <= CLOSE) return `It fits ${name} within ${error}.`;
    const way = fit.error > 0 ? "above" : "below";
    return `For ${name} it is ${error} ${way} the measured time at batch ${fit.batch}.`;
  });
  const isRough = both.some(({ fit }) => fit && Math.abs(fit.error) > CLOSE);
  return "Split by a fit to the whole curve: time of a step = overhead + batch × time per image (least squares of the "
    + `relative errors). ${errors.join(" ")} ${isRough ? "So the split is rough. " : ""}`
    + "The overhead contains calls and reading the weights; each image’s own time, arithmetic and reading the maps. "
    + "Times alone cannot separate compute from memory.";
}

/** A text with the names of curves in bold. */
function emphasised(text, both) {
  const names = both.map(curve => curve.name);
  const cut = (parts, name) => parts.flatMap(part => (names.includes(part) ? part : apart(part, name)));
  return names.reduce(cut, [text]).map(part => (names.includes(part) ? h("b", {}, part) : part));
}

/** What is before, between and after a name, and the name itself. */
function apart(text, name) {
  return text.split(name).flatMap((part, k) => (k ? [name, part] : [part]));
}

/** Milliseconds per image between two measured batch sizes, straight on logarithmic scales; NaN beyond them. */
function timeAt(points, batch) {
  const k = points.findIndex(point => point[0] >= batch);
  if (k >= 0 && points[k][0] === batch) return points[k][1];
  if (k < 1) return NaN;
  const [[low, before], [high, after]] = [points[k - 1], points[k]];
  const share = Math.log(batch / low) / Math.log(high / low);
  return Math.exp((1 - share) * Math.log(before) + share * Math.log(after));
}

/** Where the marker can be: a few whole numbers between one batch size and its double, and those in `besides`. */
function stops(least, most, besides) {
  const count = Math.ceil(Math.log2(most / least) * DOUBLINGS);
  const between = Array.from({ length: count }, (_, k) => Math.round(least * 2 ** (k / DOUBLINGS)));
  const all = [...new Set([...between, ...besides])].sort((a, b) => a - b);
  return all.map(value => ({ value, x: value }));
}

/** Milliseconds with at least two digits that count. */
function number(value) {
  return value >= 10 ? value.toFixed(1) : value >= 0.1 ? value.toFixed(2) : value.toPrecision(2);
}

function dashOf(curve) {
  return SOURCES.find(source => source.name === curve.source).dash;
}

function shortName(curve) {
  return curve.name.endsWith(`, ${curve.source}`) ? curve.name.slice(0, -curve.source.length - 2) : curve.name;
}

function key(curve) {
  const line = svg("line", { x1: 1, x2: 23, y1: 6, y2: 6, "stroke-dasharray": dashOf(curve) });
  return svg("svg", { class: `te-key ${curve.colour}`, width: 24, height: 12, "aria-hidden": "true" }, line);
}

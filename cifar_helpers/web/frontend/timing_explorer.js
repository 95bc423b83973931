// Time per image against batch size: two curves compared at a batch size that is dragged along the axis.
import styles from "./timing_explorer.css";
import { h, svg, mount, framed, binding } from "./ui.js";
import { roving } from "./controls.js";
import { chart } from "./chart.js";
import { percent, roundedToSum } from "./numbers.js";

const SOURCES = {
  here: { title: "Measured here", dash: "" },
  recorded: { title: "Recorded on another machine", dash: "7 4" },
  reported: { title: "Reported by others", dash: "2 4" },
};
const COLOURS = ["c1", "c2"]; // of the two that are compared
const DOUBLINGS = 4; // stops of the batch size between one and its double
const MARGIN = 1.07; // room for the dots at the ends
const CLOSE = 0.1; // relative error up to which the split is said to fit
const NEAR = 8; // pixels around a curve in which it is named
const LEAST = 0.01; // of a unit that is written
const UNITS = /** @type {[string, number][]} */ ([["ns", 1], ["µs", 1e3], ["ms", 1e6], ["s", 1e9]]);
const EQUAL = 1.05; // ratio of two times that are about equal

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
    say(sentence());
  };
  const nanoseconds = model.get("unit") === "µs" ? 1e3 : 1e6; // in one unit of the curves
  const curves = model.get("curves");
  const sizes = [...new Set(curves.flatMap(curve => curve.points.map(point => point[0])))].sort((a, b) => a - b);
  const [least, most] = [sizes[0], sizes.at(-1)];
  let slots = COLOURS.map(() => ""); // the names of the compared curves, each at its colour for as long as it is one
  const compared = () => {
    const names = model.get("compared");
    slots = slots.map(name => (names.includes(name) ? name : ""));
    for (const name of names) if (!slots.includes(name)) slots[slots.indexOf("")] = name;
    return slots.filter(Boolean).map(name => curves.find(curve => curve.name === name));
  };
  const colourOf = curve => COLOURS[slots.indexOf(curve.name)] ?? "ghost";

  const chips = curves.map(curve => {
    const line = key(curve, "ghost");
    const pressed = () => press(curve.name);
    const node = h("button", { type: "button", class: "cw-chip", onclick: pressed }, line, shortName(curve));
    return { curve, line, node };
  });
  const pairs = pairsOf(curves).map(pair => {
    const names = pair.map(curve => curve.name);
    const text = `${pair[0].name.split(", ")[0]} and ${fullName(pair[1])}`;
    return { pair, node: h("button", { type: "button", class: "cw-chip", onclick: () => compare(names) }, text) };
  });
  const groups = Object.entries(SOURCES).map(([source, { title }]) => {
    return { title, list: chips.filter(chip => chip.curve.source === source) };
  });
  const rows = [{ title: "Pairs", list: pairs.length > 1 ? pairs : [] }, ...groups].filter(({ list }) => list.length);
  const bar = h(
    "div", { class: "te-bar", role: "group", "aria-label": "Curves: press two to compare them" },
    rows.map(({ title, list }) => h(
      "div", {}, h("div", { class: "cw-cap" }, title), h("div", { class: "te-chips" }, list.map(chip => chip.node)),
    )),
  );
  // The chart comes first: the single curves are folded away where there are pairs.
  const fold = h("button", { type: "button", class: "cw-chip te-more", "aria-expanded": "false", onclick() {
    fold.setAttribute("aria-expanded", bar.classList.toggle("te-open"));
  } }, "All curves");
  const buttons = rows.flatMap(({ list }) => list.map(chip => chip.node));
  if (pairs.length > 1) {
    bar.classList.add("te-fold");
    bar.firstChild.lastChild.append(fold);
    bar.append(h("p", { class: "cw-cap" }, "Two at a time: a third takes the place of the one chosen first."));
    buttons.splice(pairs.length, 0, fold);
  }
  roving(bar, buttons);

  const view = chart({
    label: "Time per image against batch size",
    height: 290,
    x: { label: "images per batch", log: true },
    y: { label: "Time per image", log: true, text: value => writer([value])(value, 0) },
    marker: { label: "Batch size", text: batch => `↔ batch ${batch}`, moved: batch => set({ batch }) },
    say,
  });
  // A press moves the batch size, but on a curve's name it chooses the curve. A curve under the pointer is named.
  let shown = ""; // the compared curves that the chart has
  let drawn = []; // its curves in their order
  const plot = view.node.querySelector(".cw-plot");
  const drawing = plot.querySelector("[role=img]");
  const tag = h("div", { class: "te-tag", "aria-hidden": "true", hidden: true });
  plot.append(tag);
  const lines = () => [...drawing.querySelectorAll(".line")].filter((_, k) => k % 2 === 0); // without their dots
  const namedAt = ({ clientX: x, clientY: y }) => {
    const boxes = [...drawing.querySelectorAll(".label")].map(label => label.getBoundingClientRect());
    return drawn[boxes.findIndex(box => x > box.left && x < box.right && y > box.top && y < box.bottom)];
  };
  const bringOut = curve => {
    lines().forEach((line, k) => line.classList.toggle("te-on", drawn[k] === curve));
    for (const chip of chips) chip.node.classList.toggle("te-hit", chip.curve === curve);
  };
  function point(event) {
    const named = namedAt(event);
    const { left, top, width } = drawing.getBoundingClientRect();
    const [x, y] = [event.clientX - left, event.clientY - top];
    const away = lines().map(line => Math.abs(heightAt(line, x) - y));
    const nearest = away.reduce((best, one, k) => (one < (away[best] ?? NEAR) ? k : best), -1);
    const curve = named ?? drawn[nearest];
    bringOut(curve);
    plot.classList.toggle("te-choose", Boolean(named));
    tag.hidden = Boolean(named) || !curve;
    if (tag.hidden) return;
    const [begin, across] = ["--cw-axis-left", "--cw-axis"].map(one => parseFloat(view.node.style.getPropertyValue(one)));
    const [low, high] = [least / MARGIN, most * MARGIN];
    const batch = Math.max(least, Math.round(low * (high / low) ** ((x - begin) / across)));
    const time = timeAt(curve.points, batch);
    tag.textContent = `${fullName(curve)}${time ? `: ${writer([time])(time)} at batch ${batch}` : ""}`;
    const place = Math.max(0, Math.min(width - tag.offsetWidth, x - tag.offsetWidth / 2));
    tag.style.transform = `translate(${place}px, ${y < 60 ? y + 18 : y - 44}px)`;
  }
  const forget = () => {
    tag.hidden = true;
    bringOut(null);
  };
  view.node.addEventListener("pointerdown", event => {
    const curve = namedAt(event);
    forget();
    if (curve) {
      event.stopPropagation(); // the batch size stays
      if (colourOf(curve) === "ghost") press(curve.name);
    } else if (event.pointerType !== "mouse") point(event);
  }, true);
  plot.addEventListener("pointermove", event => (event.buttons ? forget() : point(event)));
  plot.addEventListener("keydown", forget);
  plot.addEventListener("pointerleave", event => event.pointerType === "mouse" && forget());
  for (const { curve, node } of chips) {
    for (const begin of ["pointerenter", "focus"]) node.addEventListener(begin, () => bringOut(curve));
    for (const end of ["pointerleave", "blur"]) node.addEventListener(end, () => tag.hidden && bringOut(null));
  }

  const words = h("p", { class: "cw-lead te-words" });
  const legend = h("div", { class: "te-legend cw-cap" });
  const splits = h("div", { class: "te-splits" });
  const note = h("div");
  const more = h("details", { class: "cw-foot cw-cap" }, h("summary", {}, "How to read this"), note);
  root.append(bar, view.node, words, legend, splits, more);

  function press(name) {
    const names = model.get("compared");
    const next = names.includes(name) ? names.filter(other => other !== name) : [...names, name].slice(-2);
    if (next.length) compare(next);
  }

  function compare(names) {
    state.set({ compared: names });
    const [low, high] = range();
    set({ batch: Math.max(low, Math.min(high, model.get("batch"))) });
  }

  /** The batch sizes at which the compared curves can be read; those of all curves if there are none. */
  function range() {
    const low = Math.max(...compared().map(curve => curve.points[0][0]));
    const high = Math.min(...compared().map(curve => curve.points.at(-1)[0]));
    return low > high ? [least, most] : [low, high];
  }

  /** The batch sizes at which the compared curves cross, as Python computed them. */
  function crossings() {
    const places = compared().map(curve => curves.indexOf(curve));
    return model.get("crossings").find(([i, j]) => places.includes(i) && places.includes(j))?.[2] ?? [];
  }

  /** Writes times in the unit that fits the longest of some, so that they can be compared, or the next if one is tiny. */
  function writer(times) {
    const known = times.filter(time => time > 0).map(time => time * nanoseconds);
    const fitting = Math.min(Math.max(...known), Math.min(...known) / LEAST);
    const [unit, size] = UNITS.findLast(one => fitting >= one[1] * 0.9995) ?? UNITS[0];
    const inUnit = value => (value * nanoseconds) / size;
    const write = (value, digits = decimals(inUnit(value))) => `${timeText(inUnit(value), digits)}\u00a0${unit}`;
    return Object.assign(write, { inUnit, unit });
  }

  const writerNow = () => writer(compared().map(curve => timeAt(curve.points, model.get("batch"))));

  /** What is read at the batch size. */
  function sentence() {
    const batch = model.get("batch");
    const both = compared();
    const isMixed = new Set(both.map(curve => curve.source)).size > 1;
    const name = curve => (isMixed ? fullName(curve) : shortName(curve));
    const times = both.map(curve => ({ name: name(curve), time: timeAt(curve.points, batch) }));
    const write = writerNow();
    const read = time => (time ? `takes ${write(time)}` : "was not measured");
    const parts = times.map(one => `${one.name} ${read(one.time)}`);
    const begin = `Per image in batches of ${batch}, ${parts.join(" and ")}`;
    if (both.length < 2) return `${begin}. Press a second curve to compare.`;
    const [fast, slow] = [...times].sort((a, b) => a.time - b.time);
    const ratio = slow.time / fast.time;
    const factor = ratio < 10 ? ratio.toPrecision(2) : Math.round(ratio);
    const faster = ratio < EQUAL ? ": about equally fast" : `: ${fast.name} is ${factor} times as fast`;
    const places = crossings().map(place => Math.round(place)).join(" and ");
    const [low, high] = range();
    const none = ratio && low < high ? ` They do not cross between ${low} and ${high}.` : "";
    const where = places ? ` They cross near batch ${places}.` : none;
    const machines = isMixed ? " They ran on different machines." : "";
    return `${begin}${ratio ? faster : ""}.${where}${machines}`;
  }

  /** What changes with the curves alone. */
  function showCurves(both) {
    for (const { curve, node, line } of chips) {
      node.setAttribute("aria-pressed", both.includes(curve));
      line.setAttribute("class", `te-key ${colourOf(curve)}`);
    }
    for (const { pair, node } of pairs) node.setAttribute("aria-pressed", pair.every(curve => both.includes(curve)));
    const behind = curves.filter(curve => !both.includes(curve));
    drawn = [...behind, ...both];
    forget();
    const series = drawn.flatMap(curve => {
      const common = { colour: colourOf(curve), dash: SOURCES[curve.source].dash, thin: behind.includes(curve) };
      // Read at every batch size of any curve, and dotted where this one was measured.
      const points = sizes.map(size => [size, timeAt(curve.points, size)]);
      const read = { ...common, name: fullName(curve), end: shortName(curve), points };
      return [read, { ...common, name: "", points: curve.points, marks: both.includes(curve) }];
    });
    view.set({ series, x: [least / MARGIN, most * MARGIN] });
    const isBounded = both.some(curve => curve.bounds.length);
    legend.replaceChildren(
      h("b", {}, "Where the time goes"),
      ...[...PARTS, "measured", ...(isBounded ? BOUNDS : [])].map(what => (
        h("span", {}, h("i", { class: `te-${what.split(" ").at(-1)}` }), what)
      )),
    );
    note.textContent = caution(both, isBounded);
  }

  function show() {
    const batch = model.get("batch");
    const both = compared();
    if (shown !== slots.join("\n")) showCurves(both);
    shown = slots.join("\n");
    const places = crossings();
    view.set({
      rules: places.map(x => ({ x, label: `cross at ${Math.round(x)}` })),
      marker: batch,
      stops: stops(range(), [...sizes, ...places.map(Math.round)], batch),
    });
    words.textContent = sentence();
    const times = both.map(curve => {
      const [, ...bounds] = pointAt(curve.bounds, batch);
      const last = curve.fit?.last ?? 0;
      const fitted = batch <= last ? [curve.fit.step / batch, curve.fit.image] : [];
      const measured = timeAt(curve.points, batch);
      const longest = Math.max(fitted[0] + fitted[1] || 0, measured || 0, ...bounds);
      return { name: fullName(curve), line: key(curve, colourOf(curve)), fitted, bounds, measured, last, longest };
    });
    const scale = Math.max(...times.map(one => one.longest)); // one for both, so that their bars can be compared
    splits.replaceChildren(...times.map(one => split(one, scale, writerNow())));
  }

  /** Where the marker can be: a few whole numbers between one batch size and its double, `besides`, and `batch`. */
  function stops([low, high], besides, batch) {
    const count = Math.ceil(Math.log2(most / least) * DOUBLINGS);
    const between = Array.from({ length: count }, (_, k) => Math.round(least * 2 ** (k / DOUBLINGS)));
    const inside = [...between, ...besides].filter(value => value >= low && value <= high);
    return [...new Set([...inside, batch])].sort((a, b) => a - b).map(value => ({ value, x: value }));
  }

  show();
  return () => {
    state.close();
    view.close();
    close();
  };
}

const PARTS = ["once per step", "per image"];
const BOUNDS = ["at least: arithmetic", "at least: memory"];

/** A bar for one curve: the two parts of the fit with a tick at the measured time, and below them the lower bounds. */
function split({ name, line, fitted, bounds, measured, last }, scale, write) {
  const all = fitted[0] + fitted[1];
  const digits = decimals(write.inUnit(all), 2); // it is a fit, so two digits have to do
  const { parts, sum } = roundedToSum(fitted.map(write.inUnit), digits);
  const numbers = [...parts, sum].map(part => timeText(part, digits));
  const equation = fitted.length ? `fit ${numbers[0]} + ${numbers[1]} = ${numbers[2]}\u00a0${write.unit}` : "";
  const none = last ? `The split holds up to batch ${last}` : "No split fits";
  const once = fitted[0] / all;
  const share = fitted.length ? `${once > 0.995 && once < 1 ? "over 99 %" : percent(once)} once per step` : none;
  const found = Number.isNaN(measured) ? "not measured" : `measured ${write(measured)}`;
  const limits = bounds.map((bound, k) => `${BOUNDS[k].replace(":", "")} ${write(bound)}`);
  const label = [share, equation, found, ...limits].filter(Boolean).join("; ");
  const part = (what, time) => h("i", { class: `te-${what}`, style: `width:${(100 * time) / scale}%` });
  return h(
    "div", { class: "te-row", role: "img", "aria-label": `${name}: ${label}` },
    h("span", { class: "te-name" }, line, h("span", {}, name, h("span", { class: "cw-cap" }, share))),
    h("span", { class: "te-numbers" }, equation, h("span", { class: "cw-cap" }, found)),
    h(
      "div", { class: "te-split" },
      fitted.length ? [part("step", fitted[0]), part("image", fitted[1])] : part("plain", measured || 0),
      measured ? h("i", { class: "te-measured", style: `left:${(100 * measured) / scale}%` }) : null,
    ),
    bounds.length
      ? h("div", { class: "te-bounds" }, part("arithmetic", bounds[0]), part("memory", bounds[1]))
      : null,
  );
}

/** Two curves of one machine and precision, whose names differ in their first word alone: CNN and MLP. */
function pairsOf(curves) {
  const machine = curve => [curve.source, ...curve.name.split(", ").slice(1)].join();
  const groups = curves.map(one => curves.filter(other => machine(other) === machine(one)));
  return groups.filter((group, k) => group.length === 2 && group[0] === curves[k]);
}

/** How the split was found, and where it is rough. */
function caution(both, isBounded) {
  const errors = both.map(curve => {
    const name = fullName(curve);
    const { fit } = curve;
    if (!fit) return `${name} has too few batch sizes to be split.`;
    const error = percent(Math.abs(fit.error));
    const upTo = fit.last && fit.last < curve.points.at(-1)[0] ? ` up to batch ${fit.last}; larger batches do not fit` : "";
    if (Math.abs(fit.error) <= CLOSE) return `For ${name} the fit is within ${error}${upTo}.`;
    const way = fit.error > 0 ? "above" : "below";
    const end = fit.last ? `a rough split${upTo}` : "it does not fit, so there is no split";
    return `For ${name} the fit is ${error} ${way} the measured time at batch ${fit.batch}: ${end}.`;
  });
  const limits = isBounded
    ? "At least: the work divided by the best rates measured here, with every number from memory; both can go on at once."
    : "Times alone cannot separate arithmetic from memory traffic.";
  return "Once per step: calling the operations, reading and updating the weights; shared by the images of a batch. "
    + "Per image: arithmetic, and reading and writing its maps. Both from a fit: time of a step = time once per step + "
    + `batch × time per image. Both bars have one scale; the tick is the measured time. ${errors.join(" ")} ${limits}`;
}

/** A point between those of a list, interpolated on logarithmic scales; nothing beyond them. */
function pointAt(points, batch) {
  const k = points.findIndex(point => point[0] >= batch);
  if (k >= 0 && points[k][0] === batch) return points[k];
  if (k < 1) return [];
  const [low, high] = [points[k - 1], points[k]];
  const share = Math.log(batch / low[0]) / Math.log(high[0] / low[0]);
  return low.map((value, n) => value ** (1 - share) * high[n] ** share);
}

const timeAt = (points, batch) => pointAt(points, batch)[1] ?? NaN;

/** How many decimals show some digits of a time; below 0 for whole tens. */
const decimals = (value, digits = 3) => (value > 0 ? digits - 1 - Math.floor(Math.log10(value * 1.0005)) : 0);

function timeText(value, digits) {
  const most = Math.max(0, digits);
  return value.toLocaleString("en", { minimumFractionDigits: most, maximumFractionDigits: most });
}

/** The height of a curve of the chart at a place across it; NaN beside it. */
function heightAt(line, x) {
  const places = (line.getAttribute("d").match(/[\d.]+/g) ?? []).map(Number);
  for (let k = 2; k < places.length; k += 2) {
    const [x1, y1, x2, y2] = places.slice(k - 2);
    if (x >= x1 && x <= x2) return y1 + ((x - x1) / (x2 - x1)) * (y2 - y1);
  }
  return NaN;
}

/** A name without its source, and with "H100" for "NVIDIA H100 80GB HBM3". */
function shortName(curve) {
  const name = curve.name.endsWith(`, ${curve.source}`) ? curve.name.slice(0, -curve.source.length - 2) : curve.name;
  return name.replace(/NVIDIA ([A-Z]\d+)\b[^,]*/, "$1");
}

/** A name within a sentence: "MLP (here)". */
const fullName = curve => `${shortName(curve)} (${curve.source})`;

function key(curve, colour) {
  const line = svg("line", { x1: 1, x2: 23, y1: 6, y2: 6, "stroke-dasharray": SOURCES[curve.source].dash });
  return svg("svg", { class: `te-key ${colour}`, width: 24, height: 12, "aria-hidden": "true" }, line);
}

// A line chart that can be read at any point: hover, touch, or arrow keys; and a marker that can be dragged.
import { h, svg, framed } from "./ui.js";
import { arrows, movable, stands } from "./controls.js";
import { clamp, fixed, percent, scientific } from "./numbers.js";

const ROW = 15; // least distance of two labels, one above the other
const BOTTOM = 39; // room for the horizontal axis
const THUMB = 8; // radius of the marker, from which the numbers of both axes keep away
const NEAR = 8; // from a line to a pointer at it
const GRIP = 22; // from the line of a marker that is held to a pointer that takes it
const NARROW = 450; // a chart with less room has names above it, not beside it
const HUGE = 1e5; // from here on numbers are written as powers of ten
// Of the content: drawn above the rest, which stays
const MOVING = ["marker", "stops", "flag", "rules", "dots", "shade"];

/**
 * @typedef {object} Series
 * @property {string} name an empty one leaves the line without label and numbers
 * @property {string} [end] what names it, if not the name; an empty one leaves it unnamed
 * @property {string} colour "c1" to "c6", or "ghost" for what stays behind
 * @property {number[][]} points `[x, y]`, sorted by x; the line has a gap where y is no number
 * @property {string} [dash] as of SVG, "5 3"
 * @property {boolean} [thin]
 * @property {string} [kind] a further class of the line
 * @property {boolean} [marks] whether each point is a dot, too
 * @property {string} [run] the lines that `bring` brings forward together
 */
/**
 * @typedef {object} Content
 * @property {Series[]} [series]
 * @property {{colour: string, points: number[][]}[]} [bands] areas, `[x, low, high]`
 * @property {{x: number, label: string}[]} [rules] vertical lines with words
 * @property {{x: number, y: number, colour: string, label?: string}[]} [dots] single points, with words
 * @property {{colour: string, ends: [number, number]} | null} [shade] the area between two x
 * @property {[number, number]} [x] the ends of the axis, else those of the data
 * @property {[number, number]} [y]
 * @property {number[]} [ticks] of the vertical axis, else round numbers
 * @property {number[]} [xTicks] of the other one, as far as there is room
 * @property {string} [xLabel] in place of the axis' label
 * @property {number[]} [reads] every x that can be looked at, sorted, else those of the data
 * @property {any} [marker] the value of the marker
 * @property {{label: string, colour: string}[]} [flag] rows of words at the marker, above the plot
 * @property {[number, number]} [sides] in place of the option
 * @property {{value: any, x: number}[]} [stops] where the marker can be, by x; else every whole number
 */
/**
 * @typedef {object} Marker
 * @property {string} label
 * @property {(value: any) => void} moved
 * @property {(value: any) => string} [text] is drawn at it
 * @property {(value: any) => string} [says] is read out in its place
 * @property {boolean} [held] it is taken along at its line alone; elsewhere a tap reads numbers
 */

/**
 * A line chart as wide as its place. If that is narrow, names are in its head, but those of grey lines, which look
 * alike, at their ends.
 * @param {object} options
 * @param {string} options.label its accessible name
 * @param {number} [options.height] of the drawing, without the line above it
 * @param {{label: string, log?: boolean}} options.x
 * @param {{label: string, log?: boolean, percent?: boolean, digits?: number, text?: (tick: number) => string}}
 *     options.y `text` writes its ticks
 * @param {(x: number | null, run: string | null) => void} [options.hovered] another x is looked at, or none any more,
 *     and perhaps the line of a run is pointed at
 * @param {[number, number]} [options.sides] least room left and right, so that several charts can share an axis
 * @param {boolean} [options.words] keeps room above the plot for the words of rules, whether there are any or not
 * @param {Marker} [options.marker] a press takes it along, unless it is `held`, and the arrow keys move it
 * @param {boolean} [options.reads] shows the numbers at an x; without a marker it does
 * @returns {{node: any, set: (content: Content) => void, look: (x: number | null, run?: string | null) => void, bring:
 *     (run: string | null) => void, close: () => void}} `set` changes what is named, the rest stays; `look` shows the
 *     numbers at an x, as for two charts with one axis; `bring` brings a run forward
 */
export function chart({ label, height = 220, x, y, sides = [20, 10], words = false, hovered = () => {}, marker, reads = !marker }) {
  /** @type {any} */
  const content = { series: [], bands: [], rules: [], dots: [], flag: [], xLabel: x.label, sides };
  const legend = h("span", { class: "cw-legend", "aria-hidden": "true" });
  const picture = svg("svg", { role: "img", "aria-label": label, height });
  const moving = svg("g");
  const over = svg("svg", { "aria-hidden": "true", height }, moving);
  // With its own layout and layer, so that what moves costs neither the page nor the curves a new drawing
  const cover = h("div", { style: "position: absolute; inset: 0; contain: strict; will-change: transform" }, over);
  const role = marker
    ? { role: "slider", "aria-label": marker.label, "aria-valuenow": 0 }
    : { ...movable("chart"), "aria-label": label, "aria-valuetext": "arrow keys read its numbers" };
  const plot = h("div", { class: marker ? "cw-plot marked" : "cw-plot", tabindex: 0, ...role }, picture, cover);
  const head = h("div", { class: "cw-chart-head" }, h("span", { class: "cw-cap" }, h("b", {}, y.label)), legend);
  const node = h("div", { class: "cw-chart" }, head, plot);

  let width = 0;
  /** @type {(string | null)[]} the runs that are brought forward, by pointing at a line and by `bring` */
  let [pointed, brought] = [null, null];
  /** @type {{series: Series, node: any, room: number}[]} the lines' names, with the room for them and a number */
  let names = [];
  /** @type {any} the scales of the last drawing */
  let shape = null;
  /** @type {number[]} every x with a number, sorted */
  let stops = [];
  /** @type {number | null} */
  let seen = null;
  let measure = measurer(node);
  let isStale = true;
  let isMoved = false;
  const draw = () => {
    if (!width) return;
    if (isStale) redraw();
    else if (isMoved) drawMoving();
  };
  const drawNext = framed(draw);

  const write = value => {
    if (y.percent) return percent(value, 1);
    if (Math.abs(value) >= HUGE) return scientific(value);
    return y.log || Math.abs(value) >= 1000 ? short(+value.toPrecision(3)) : fixed(value, y.digits ?? 3);
  };

  const places = () => {
    if (content.stops) return content.stops;
    const [from, to] = shape.xs.ends.map(Math.round);
    return Array.from({ length: to - from + 1 }, (_, k) => ({ value: from + k, x: from + k }));
  };

  function redraw() {
    isStale = false;
    measure = measurer(node);
    const read = content.series.filter(series => series.name);
    const named = read.filter(series => series.end !== "");
    const room = list => Math.max(0, ...list.map(series => measure(nameOf(series)) + 20));
    // In the head, unless the widget has taken that away
    const isKeyed = (width < NARROW && legend.isConnected) || room(named) > width * 0.28;
    const isOne = named.filter(series => !isOwn(series)).length < 2;
    const keyed = isKeyed ? named.filter(series => isOwn(series) || isOne) : [];
    const beside = named.filter(series => !keyed.includes(series));
    const end = width - Math.max(isKeyed && !beside.length ? 10 : content.sides[1], room(beside));
    const top = topOf();
    shape = frame(content, x, y, { top, bottom: height - BOTTOM, end, least: content.sides[0] }, measure);
    const { xs, ys, left, bottom } = shape;
    // For what else is drawn on this axis, below the plot.
    node.style.setProperty("--cw-axis-left", `${left}px`);
    node.style.setProperty("--cw-axis", `${end - left}px`);
    legend.replaceChildren(...keyed.sort((a, b) => +isOwn(b) - +isOwn(a)).map(key));

    const clip = `cw-clip-${label.replace(/\W+/g, "-")}`;
    const area = svg("rect", { x: left - 4, y: top - 4, width: end - left + 8, height: bottom - top + 5 });
    const inside = svg("g", { "clip-path": `url(#${clip})` });
    for (const band of content.bands) inside.append(areaOf(band, shape));
    for (const series of content.series) inside.append(...lineOf(series, shape));
    picture.replaceChildren(svg("clipPath", { id: clip }, area), ...axes(shape, content.xLabel), inside);
    const ends = read.map(series => ({ series, last: series.points.findLast(point => Number.isFinite(point[1])) }));
    const above = ends.filter(({ series, last }) => isOwn(series) && last?.[1] > ys.ends[1]);
    const off = [...new Map(above.map(one => [one.series.colour, one])).values()]; // once for each colour
    off.forEach(({ series, last }, k) => {
      const said = `↑ ${write(last[1])}`;
      const at = clamp(xs(last[0]) + measure(said) / 2, left + measure(said), end); // above the line's end
      picture.append(text(said, at, top + 12 + k * ROW, `label off ${series.colour}`, "end"));
    });
    const shown = ends.filter(({ series, last }) => last && beside.includes(series));
    const seenAt = shown.map(({ last }) => clamp(ys(last[1]), top, bottom)); // a line may leave the plot
    const heights = spread(seenAt, ROW, top, bottom);
    names = shown.map(({ series, last: [a] }, k) => {
      // A line may end long before the labels
      const begin = round(xs(a) + 3);
      const d = `M${begin} ${round(seenAt[k])}H${Math.max(begin, end + 3)}L${end + 8} ${round(heights[k])}`;
      if (begin < end - 12 || Math.abs(seenAt[k] - heights[k]) > 4) picture.append(leader(d));
      const node = of(series, text("", end + 10, heights[k] + 4, `label ${series.colour}`));
      picture.append(node);
      return { series, node, room: width - end - 10 };
    });
    sort();
    for (const drawing of [picture, over]) drawing.setAttribute("width", width);
    stops = content.reads ?? [...new Set(read.flatMap(series => series.points.map(point => point[0])))].sort((a, b) => a - b);
    drawMoving();
  }

  const topOf = () => Math.max(8 + ROW * content.flag.length, words || content.rules.length || marker?.text ? 34 : 8);

  /** What changes with the marker. */
  function drawMoving() {
    isMoved = false;
    const { xs, ys, top, bottom } = shape;
    const value = content.marker;
    const at = content.stops ? content.stops.find(stop => stop.value === value)?.x : value;
    const lines = content.rules.map(rule => ({ ...rule }));
    if (at != null && marker?.text) lines.push({ x: at, label: marker.text(value) });
    for (const line of lines) line.wide = measure(line.label);
    moving.replaceChildren(...rules(lines, shape, width));
    if (content.shade) {
      const [from, to] = content.shade.ends.map(xs);
      const size = { x: from, y: top, width: to - from, height: bottom - top };
      moving.append(svg("rect", { class: `band ${content.shade.colour}`, ...size }));
    }
    if (at != null) drawMarker(at, value);
    for (const { x: a, y: b, colour, label: said } of content.dots) {
      const [cx, cy] = [xs(a), ys(b)];
      moving.append(dot(colour, cx, cy, 4));
      if (!said) continue;
      moving.append(...worded(said, colour, cx, cy, free(cx, cy, measure(said), lines.map(line => xs(line.x)))));
    }
    show();
  }

  /** Where the words of a dot begin: near it, across no main curve, and across another or a rule only if all else is far. */
  function free(cx, cy, wide, rules) {
    const { xs, ys, left, top, bottom, end } = shape;
    const pixels = ({ points }) => points.filter(([, b]) => Number.isFinite(b)).map(([a, b]) => [xs(a), ys(b)]);
    const isMain = series => isOwn(series) && series.name;
    const [curves, others] = [isMain, series => !isMain(series)].map(kind => content.series.filter(kind).map(pixels));
    const box = ({ x, y }) => [x - 2, y - 12, x + wide + 2, y + 4];
    const rows = Array.from({ length: Math.floor((bottom - top - 16) / 4) }, (_, k) => top + 12 + 4 * k);
    const begin = x => clamp(x, left + 2, end - wide);
    const spots = rows.flatMap(y => [cx + 6, cx - wide - 6, cx - wide / 2].map(x => [begin(x), y]));
    const places = spots.map(([x, y]) => {
      const isAcross = rules.some(at => at > x - 3 && at < x + wide + 3);
      const isOnOther = others.some(curve => crosses(curve, box({ x, y })));
      return { x, y, far: Math.hypot(x + wide / 2 - cx, 2 * (y - 4 - cy)) + (isAcross ? 60 : 0) + (isOnOther ? 20 : 0) };
    }).sort((one, other) => one.far - other.far);
    const isFree = one => !curves.some(curve => crosses(curve, box(one)));
    return places.find(isFree) ?? places[0] ?? { x: begin(cx + 6), y: clamp(cy - 8, top + 12, bottom - 4) };
  }

  function drawMarker(at, value) {
    const { xs, top, bottom } = shape;
    const place = xs(at);
    const { flag } = content;
    const isLeft = place + Math.max(...flag.map(row => measure(row.label))) + 8 > width;
    moving.append(
      ...flag.map((row, k) => (
        text(row.label, place + (isLeft ? -8 : 8), 13 + ROW * k, `label ${row.colour}`, isLeft ? "end" : "start")
      )),
      svg("line", { class: "marker", x1: place, x2: place, y1: flag.length ? 2 : top - 4, y2: bottom }),
      svg("circle", { class: "thumb", cx: place, cy: bottom, r: THUMB }),
    );
    const list = places();
    const words = marker?.says?.(value) ?? marker?.text?.(value).replace("↔ ", "") ?? `${content.xLabel} ${value}`;
    stands(plot, list.findIndex(stop => stop.value === value), list.length - 1, words);
  }

  /** The lines of the run that is brought forward, before those of the others. */
  function sort() {
    const all = [...picture.querySelectorAll("[data-run]")];
    const front = [pointed, brought].find(run => all.some(one => one.dataset.run === run));
    for (const one of all) {
      one.classList.toggle("front", one.dataset.run === front);
      one.classList.toggle("back", front !== undefined && one.dataset.run !== front);
    }
  }

  /** The rule at the x that is looked at, and the numbers: beside a name, else beside the line's dot. */
  function show() {
    over.querySelector(".looked")?.remove();
    const isOn = seen !== null && shape;
    const rows = isOn ? readings() : [];
    const read = reads ? rows : [];
    for (const { series, node, room } of names) {
      const name = nameOf(series);
      const row = read.find(one => one.series === series);
      const value = row && write(row.value);
      const isBoth = name !== value && measure(`${name} ${value}`) < room;
      node.replaceChildren(...(!row ? [name] : isBoth ? [svg("tspan", { class: "name" }, `${name} `), value] : [value]));
    }
    const loose = read.filter(row => !names.some(({ series }) => series === row.series));
    for (const one of picture.querySelectorAll(".off, .unit")) one.style.visibility = read.length ? "hidden" : "";
    if (!isOn) return;
    const { xs, ys, left, top, bottom, end } = shape;
    const place = round(xs(seen));
    const group = svg("g", { class: "looked" }, svg("line", { x1: place, x2: place, y1: top, y2: bottom }));
    for (const { series, at, value } of rows) group.append(dot(series.colour, xs(at), ys(value), 4));
    const all = loose.map(({ series, value }) => ({ colour: series.colour, at: ys(value), said: [series.end, write(value)].join(" ").trim() }));
    const wide = Math.max(0, ...all.map(one => measure(one.said))) + 14;
    const isLeft = place + wide > end && place - wide > left;
    const heights = spread(all.map(one => one.at), ROW, top + 4, bottom - 6);
    const from = isLeft ? place - 6 : Math.min(place, end - wide) + 6;
    all.forEach(({ colour, said }, k) => {
      // On paper of its own, since the curves run on behind it
      const size = { y: heights[k] - 7, width: measure(said) + 8, height: ROW };
      group.append(svg("rect", { class: "paper", x: from - (isLeft ? size.width : 0), rx: 4, ...size }));
      group.append(text(said, from + (isLeft ? -4 : 4), heights[k] + 4, `label ${colour}`, isLeft ? "end" : "start"));
    });
    if (read.length) {
      const said = `${content.xLabel} ${short(+(seen ?? 0).toPrecision(3))}`;
      const half = measure(said) / 2;
      const x = clamp(place, half, width - half);
      group.append(text(said, x, bottom + BOTTOM - 3, "words at", "middle"));
    }
    over.append(group);
  }

  /** The last numbers up to the x that is looked at, the largest first; none of a line that ended before. */
  function readings() {
    const before = content.reads?.findLast(other => other < seen) ?? -Infinity;
    const rows = content.series.filter(series => series.name && series.points.at(-1)?.[0] > before).map(series => {
      const [at, value] = series.points.findLast(point => point[0] <= seen) ?? [];
      return { series, at, value };
    });
    return rows.filter(row => Number.isFinite(row.value)).sort((a, b) => b.value - a.value);
  }

  const look = (to, run = null) => {
    if (run !== pointed) {
      pointed = run;
      sort();
    }
    if (to === seen) return;
    seen = to;
    show();
  };
  const read = (to, run = null) => {
    const nearest = to === null ? null : closest(stops, to, shape.xs);
    if (nearest === seen && run === pointed) return;
    look(nearest, run);
    hovered(nearest, run);
  };

  /** The run whose line is under the pointer, if any. */
  const runAt = event => {
    const box = picture.getBoundingClientRect();
    const [a, b] = [event.clientX - box.left, event.clientY - box.top];
    const far = ([c, d]) => Math.hypot(c - a, d - b);
    const runs = content.series.filter(series => series.run && series.name).map(({ run, points }) => (
      { run, by: Math.min(...along(points, shape.xs, shape.ys).map(far)) }
    ));
    const best = runs.reduce((one, other) => (other.by < one.by ? other : one), { run: null, by: NEAR });
    return best.run;
  };
  const under = event => shape.xs.back(event.clientX - picture.getBoundingClientRect().left);
  const put = value => {
    if (value === content.marker) return;
    content.marker = value;
    isMoved = true;
    // First, so that what the widget changes is drawn in the same frame
    marker?.moved(value);
    drawNext();
  };
  const move = event => {
    const list = places();
    const target = closest(list.map(stop => stop.x), under(event), shape.xs);
    put(list.find(stop => stop.x === target).value);
  };
  let dragged = false;
  let taken = false; // by the last press
  /** Whether a press there takes the marker along. */
  const takes = event => {
    const at = places().find(stop => stop.value === content.marker);
    return !marker?.held || Math.abs(shape.xs(at?.x) - event.clientX + picture.getBoundingClientRect().left) < GRIP;
  };
  // A touch that turns out to scroll the page, or the first of two fingers that zoom it, puts the marker back
  let before;
  plot.addEventListener("pointerdown", event => {
    if (dragged && !event.isPrimary) {
      dragged = false;
      put(before);
    }
    if (!marker || !shape || event.button || !event.isPrimary || content.marker == null) return;
    taken = takes(event);
    if (!taken) return;
    dragged = true;
    before = content.marker;
    plot.setPointerCapture(event.pointerId);
    read(null);
    move(event);
  });
  plot.addEventListener("pointermove", event => {
    if (!shape || !event.isPrimary) return;
    if (dragged) return move(event);
    read(under(event), runAt(event));
    if (marker?.held) plot.style.cursor = takes(event) ? "" : "default";
  });
  for (const end of ["pointerup", "pointercancel"]) {
    plot.addEventListener(end, event => {
      if (!event.isPrimary) return;
      if (dragged && end === "pointercancel") put(before);
      dragged = false;
    });
  }
  plot.addEventListener("click", event => {
    if (shape && (!marker || !taken)) read(under(event), runAt(event)); // a tap, which does not hover
  });
  plot.addEventListener("pointerleave", event => {
    if (event.pointerType === "mouse") read(null);
  });
  plot.addEventListener("focusout", () => read(null));
  plot.addEventListener("keydown", event => {
    if (event.key === "Escape") read(null);
  });
  arrows(plot, (down, right) => {
    const by = Math.abs(down) === 1e6 ? -5 * Math.sign(down) : right - down; // Page up and down
    if (marker) {
      const list = places();
      const k = list.findIndex(stop => stop.value === content.marker);
      if (k >= 0) put(list[within(list, k + by)].value);
      return;
    }
    if (!stops.length) return;
    const from = by > 0 ? -1 : stops.length;
    read(stops[within(stops, (seen === null ? from : stops.indexOf(seen)) + by)]);
    const words = readings().map(row => `${row.series.name} ${write(row.value)}`).join(", ");
    stands(plot, stops.indexOf(seen), stops.length - 1, `${content.xLabel} ${seen}: ${words || "no number"}`);
  });

  const size = new ResizeObserver(entries => {
    width = Math.round(entries[0].contentRect.width);
    if (width) redraw();
  });
  size.observe(plot);
  return {
    node,
    set(changed) {
      Object.assign(content, changed);
      isMoved = true;
      isStale ||= shape?.top !== topOf() || Object.keys(changed).some(name => !MOVING.includes(name));
      // Once for several calls, and in the frame in which a widget draws
      queueMicrotask(draw);
    },
    look,
    bring(run) {
      brought = run;
      sort();
    },
    close: () => size.disconnect(),
  };
}

const isOwn = series => series.colour !== "ghost";
const nameOf = series => series.end ?? series.name;
const round = value => Math.round(value * 10) / 10;
const within = (list, k) => clamp(k, 0, list.length - 1);

/** A number on an axis: 0.0005, 20, 1,000. */
function short(value) {
  return value.toLocaleString("en", { maximumSignificantDigits: 6 }).replace("-", "−");
}

/** An element of a run. */
function of({ run }, element) {
  if (run) element.dataset.run = run;
  return element;
}

/** Places along a line, every few pixels. */
function along(points, xs, ys) {
  const places = points.filter(([, b]) => Number.isFinite(b)).map(([a, b]) => [xs(a), ys(b)]);
  return places.flatMap(([a, b], k) => {
    const [c, d] = places[k + 1] ?? [a, b];
    const count = Math.max(1, Math.ceil(Math.abs(c - a) / 8));
    return Array.from({ length: count }, (_, n) => [a + ((c - a) * n) / count, b + ((d - b) * n) / count]);
  });
}

/** @param {Series} series */
function key(series) {
  const line = svg("path", { class: `line ${series.colour}`, d: "M1 6H21", "stroke-dasharray": series.dash ?? "" });
  return h("span", { class: `cw-key label ${series.colour}` }, svg("svg", { width: 22, height: 12 }, line), nameOf(series));
}

function dot(colour, cx, cy, r) {
  return svg("circle", { class: `dot ${colour}`, cx: round(cx), cy: round(cy), r });
}

/** The words of a dot, with a line to it if they are not beside it. */
function worded(said, colour, cx, cy, { x, y }) {
  const [from, to] = y > cy ? [cy + 6, y - 11] : [cy - 6, y + 4];
  const isFar = Math.abs(to - from) > 8;
  return [...(isFar ? [leader(`M${round(cx)} ${round(from)}V${round(to)}`)] : []), text(said, x, y, `words of-dot ${colour}`)];
}

/** Whether a line of pixels crosses a box of left, top, right and bottom. */
function crosses(line, [left, top, right, bottom]) {
  return line.some(([c, d], k) => {
    const [a, b] = line[k - 1] ?? [c, d];
    if (c < left || a > right) return false;
    const at = x => (c > a ? b + ((d - b) * (clamp(x, a, c) - a)) / (c - a) : d);
    const ends = [at(left), at(right)];
    return Math.max(...ends) >= top && Math.min(...ends) <= bottom;
  });
}

function leader(d) {
  return svg("path", { class: "leader", d, fill: "none", "stroke-dasharray": "1 3" });
}

function text(content, x, y, kind, anchor = "start") {
  return svg("text", { class: kind, x: round(x), y: round(y), "text-anchor": anchor }, content);
}

/** Widths of texts without a layout. */
function measurer(node) {
  const context = /** @type {CanvasRenderingContext2D} */ (document.createElement("canvas").getContext("2d"));
  context.font = `600 12px ${getComputedStyle(node).fontFamily}`;
  return words => context.measureText(words).width;
}

/** The scales of both axes and the sides of the drawing. */
function frame(content, x, y, { top, bottom, end, least }, measure) {
  const edges = content.bands.flatMap(band => band.points.flatMap(([at, low, high]) => [[at, low], [at, high]]));
  const points = [...content.series.flatMap(series => series.points), ...edges];
  const count = (bottom - top) / 34;
  const ends = content.y ?? nice(range(points, 1, y.log), y, count);
  const ys = scale(ends, bottom, top, y.log, count);
  if (content.ticks) ys.ticks = apart(content.ticks, ys, ROW);
  const unit = y.percent ? 100 : 1;
  const digits = Math.max(0, ...ys.ticks.map(tick => `${+(tick * unit).toPrecision(6)}`.split(".")[1]?.length ?? 0));
  const plain = tick => (y.percent ? percent(tick, digits) : y.log ? short(tick) : fixed(tick, digits));
  const texts = ys.ticks.map(y.text ?? plain);
  const left = Math.ceil(Math.max(least, ...texts.map(text => measure(text) + THUMB + 4)));
  const whole = points.every(point => Number.isInteger(point[0])) ? 1 : 0;
  const xs = scale(content.x ?? range(points, 0, x.log), left, end, x.log, (end - left) / 60, whole);
  if (content.xTicks) xs.ticks = apart(content.xTicks, xs, 2 * ROW);
  return { xs, ys, texts, left, top, bottom, end };
}

function range(points, k, log) {
  const values = points.map(point => point[k]).filter(value => Number.isFinite(value) && (!log || value > 0));
  if (!values.length) return log ? [1, 10] : [0, 1];
  const low = values.reduce((a, b) => Math.min(a, b));
  const high = values.reduce((a, b) => Math.max(a, b));
  if (low < high) return [low, high];
  if (log) return [low / 2, high * 2];
  return k ? [low - (Math.abs(low) / 2 || 1), high + Math.abs(high) / 2] : [low, high + 1];
}

/** Ends that are ticks. */
function nice([low, high], { log, percent: share }, count) {
  if (log) return [low / 1.2, high * 1.2];
  const step = stepOf(high - low, count);
  const ends = [Math.floor(low / step) * step, Math.ceil(high / step) * step];
  return share ? [Math.max(0, ends[0]), Math.min(1, ends[1])] : ends;
}

function stepOf(span, count) {
  const rough = span / Math.max(1, count);
  const unit = 10 ** Math.floor(Math.log10(rough));
  return [1, 2, 5, 10].map(factor => factor * unit).find(step => step >= rough * 0.9) ?? 10 * unit;
}

/** A number to its pixel, with `back`, `ends` and `ticks`. */
function scale([low, high], from, to, log, count, leastStep = 0) {
  const turn = log ? Math.log10 : value => value;
  const a = turn(low);
  const length = turn(high) - a || 1;
  const place = value => from + ((turn(value) - a) / length) * (to - from);
  return Object.assign(place, {
    back: pixel => {
      const value = a + ((pixel - from) / (to - from)) * length;
      return log ? 10 ** value : value;
    },
    ends: [low, high],
    ticks: log ? logTicks(low, high, count) : plainTicks(low, high, Math.max(leastStep, stepOf(high - low, count))),
  });
}

function plainTicks(low, high, step) {
  const first = Math.ceil(low / step - 1e-9);
  const length = Math.floor(high / step + 1e-9) - first + 1;
  return Array.from({ length }, (_, k) => +((first + k) * step).toPrecision(9));
}

/** Powers of ten, with 2 and 5 between them while there is room. */
function logTicks(low, high, count) {
  const decades = Math.log10(high / low);
  const factors = [[1, 2, 5], [1, 3], [1]].find(list => decades * list.length <= count) ?? [1];
  const apart = Math.max(1, Math.ceil(decades / Math.max(1, count)));
  const ticks = [];
  for (let power = Math.floor(Math.log10(low)); power <= Math.log10(high); power++) {
    if (power % apart === 0) ticks.push(...factors.map(factor => +(factor * 10 ** power).toPrecision(3)));
  }
  return ticks.filter(tick => tick >= low * 0.999 && tick <= high * 1.001);
}

/** Without those that would meet one before them in the list; sorted. */
function apart(ticks, place, gap) {
  const meets = (kept, tick) => kept.some(other => Math.abs(place(other) - place(tick)) < gap);
  return ticks.reduce((kept, tick) => (meets(kept, tick) ? kept : [...kept, tick]), []).sort((a, b) => a - b);
}

function areaOf(band, { xs, ys }) {
  const up = band.points.map(([a, , high]) => `${round(xs(a))},${round(ys(high))}`);
  const down = band.points.map(([a, low]) => `${round(xs(a))},${round(ys(low))}`).reverse();
  return svg("polygon", { class: `band ${band.colour}`, points: [...up, ...down].join(" ") });
}

function lineOf(series, { xs, ys }) {
  const { points, colour, thin, kind, dash = "", marks } = series;
  let pen = "M";
  let d = "";
  for (const [a, b] of points) {
    if (Number.isFinite(b)) d += `${pen}${round(xs(a))} ${round(ys(b))}`;
    pen = Number.isFinite(b) ? "L" : "M";
  }
  const all = ["line", colour, thin && "thin", kind].filter(Boolean).join(" ");
  const line = svg("path", { class: all, d, "stroke-dasharray": dash });
  const dotted = marks || points.length === 1 ? points.filter(point => Number.isFinite(point[1])) : [];
  return [line, ...dotted.map(([a, b]) => dot(colour, xs(a), ys(b), 3))].map(one => of(series, one));
}

function axes({ xs, ys, texts, left, bottom, end }, label) {
  const parts = ys.ticks.flatMap((tick, k) => [
    svg("line", { class: "grid", x1: left, x2: end, y1: ys(tick), y2: ys(tick) }),
    text(texts[k], left - THUMB - 3, ys(tick) + 4, "tick", "end"),
  ]);
  parts.push(svg("line", { class: "axis", x1: left, x2: end, y1: bottom, y2: bottom }));
  for (const tick of xs.ticks) {
    parts.push(svg("line", { class: "axis", x1: xs(tick), x2: xs(tick), y1: bottom, y2: bottom + 4 }));
    parts.push(text(short(tick), xs(tick), bottom + THUMB + 12, "tick", "middle"));
  }
  parts.push(text(label, end, bottom + BOTTOM - 3, "tick unit", "end"));
  return parts;
}

/** Vertical lines with words above: neighbours that would meet stand on both sides of their lines, else in two rows. */
function rules(words, { xs, top, bottom }, width) {
  const full = [-Infinity, -Infinity];
  words.sort((a, b) => a.x - b.x).forEach((one, k) => {
    const put = left => clamp(left, 0, width - one.wide);
    const last = words[k - 1];
    one.begin = put(xs(one.x) - one.wide / 2);
    if (!last || one.begin > last.begin + last.wide + 6) return;
    last.begin = Math.max(0, xs(last.x) - last.wide - 3);
    one.begin = put(xs(one.x) + 4);
  });
  return words.flatMap(({ x, label, wide, begin }) => {
    const row = begin > full[0] ? 0 : 1;
    full[row] = begin + wide + 6;
    const y = top - 8 - row * ROW;
    return [
      svg("line", { class: "rule", x1: xs(x), x2: xs(x), y1: y + 3, y2: bottom }), text(label, begin, y, "words"),
    ];
  });
}

/** Positions at least `gap` apart, as near to the wanted ones as that allows. */
function spread(wanted, gap, low, high) {
  const order = wanted.map((_, k) => k).sort((a, b) => wanted[a] - wanted[b]);
  const placed = [...wanted];
  let last = low - gap;
  for (const k of order) last = placed[k] = Math.max(wanted[k], last + gap);
  last = high + gap;
  for (const k of order.reverse()) last = placed[k] = Math.min(placed[k], last - gap);
  return placed;
}

/** The number whose place on an axis is nearest. */
function closest(numbers, wanted, xs) {
  const far = value => Math.abs(xs(value) - xs(wanted));
  return numbers.length ? numbers.reduce((best, value) => (far(value) < far(best) ? value : best)) : null;
}

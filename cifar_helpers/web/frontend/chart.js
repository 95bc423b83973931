// A line chart that can be read at any point: hover, touch, or use the arrow keys; and a marker that can be dragged.
import { h, svg, framed } from "./ui.js";
import { fixed, percent, scientific } from "./numbers.js";

const TEXT = 12;
const ROW = 15; // least distance of two labels, one above the other
const ROOM = { right: 10, top: 8, bottom: 36 };
const HUGE = 1e5; // from here on numbers are written as powers of ten
const REACH = 22; // pixels around the marker that take hold of it

/**
 * @typedef {object} Series
 * @property {string} name an empty one leaves the line without label and numbers, as for one seed of several
 * @property {string} [end] what stands at its end on wide charts, if not the name; may be empty
 * @property {string} colour "c1" to "c6", "p3", or "ghost" for what stays behind
 * @property {number[][]} points `[x, y]`, sorted by x; the line has a gap where y is no number
 * @property {string} [dash] as of SVG, "5 3"
 * @property {boolean} [thin]
 * @property {boolean} [marks] whether each point is a dot, too
 */
/**
 * @typedef {object} Content
 * @property {Series[]} [series]
 * @property {{colour: string, points: number[][], name?: string}[]} [bands] areas, `[x, low, high]`, with words inside
 * @property {{x: number, label: string}[]} [rules] vertical lines with words
 * @property {[number, number]} [x] the ends of the axis, else those of the data
 * @property {[number, number]} [y]
 * @property {string} [xLabel] in place of the axis' label
 * @property {any} [marker] the value of the marker
 * @property {{value: any, x: number}[]} [stops] where the marker can be, by x; else every whole number
 */

/**
 * @typedef {object} Marker
 * @property {string} label
 * @property {(value: any) => void} moved
 * @property {(value: any) => string} [text] is drawn at it
 * @property {boolean} [anywhere] a press anywhere on the chart takes it along, and the chart's arrow keys move it
 */

/**
 * A line chart as wide as its place, drawn again when that changes.
 *
 * @param {object} options
 * @param {string} options.label its accessible name
 * @param {number} [options.height] of the drawing, without the line above it
 * @param {{label: string, log?: boolean}} options.x
 * @param {{label: string, log?: boolean, percent?: boolean, digits?: number}} options.y
 * @param {(x: number | null) => void} [options.hovered] the reader looks at another x, or at none any more
 * @param {Marker} [options.marker] can be dragged
 * @param {(text: string) => void} [options.say] tells screen readers the numbers at an x
 * @returns {{node: any, set: (content: Content) => void, look: (x: number | null) => void, close: () => void}} `set`
 *     changes what is named, the rest stays; `look` shows the numbers at an x, as for two charts with one axis
 */
export function chart({ label, height = 220, x, y, hovered = () => {}, marker, say = () => {} }) {
  /** @type {Required<Content>} */
  const content = {
    series: [], bands: [], rules: [], x: /** @type {any} */ (null), y: /** @type {any} */ (null),
    marker: null, stops: /** @type {any} */ (null), xLabel: x.label,
  };
  const legend = h("span", { class: "cw-legend", "aria-hidden": "true" });
  const picture = svg("svg", { role: "img", "aria-label": label, height });
  const card = h("div", { class: "cw-card", "aria-hidden": "true", hidden: true });
  const handle = marker && !marker.anywhere ? h("div", { class: "cw-handle" }) : null;
  const plot = h("div", { class: "cw-plot", tabindex: 0, "aria-label": label }, picture, card, handle);
  const node = h(
    "div", { class: "cw-chart" },
    h("div", { class: "cw-chart-head" }, h("span", { class: "cw-cap" }, h("b", {}, y.label)), legend),
    plot,
  );
  const slider = marker && (handle ?? plot);
  if (slider === plot) plot.classList.add("anywhere");
  else plot.setAttribute("role", "application");
  if (slider !== plot) plot.setAttribute("aria-roledescription", "chart");
  if (slider) {
    slider.setAttribute("role", "slider");
    slider.setAttribute("aria-label", marker?.label);
    slider.tabIndex = 0;
  }

  let width = 0;
  /** @type {ReturnType<typeof frame> | null} */
  let shape = null;
  /** @type {number[]} every x with a number, sorted */
  let stops = [];
  /** @type {number | null} */
  let seen = null;
  const draw = framed(() => {
    if (width) redraw();
  });

  const positionOf = value => (content.stops ? content.stops.find(stop => stop.value === value)?.x : value);
  const places = () => {
    if (content.stops) return content.stops;
    const [from, to] = shape?.xs.ends ?? [0, 0];
    const whole = Array.from({ length: Math.floor(to) - Math.ceil(from) + 1 }, (_, k) => Math.ceil(from) + k);
    return whole.map(value => ({ value, x: value }));
  };

  function redraw() {
    const named = content.series.filter(series => series.name);
    const ends = named.map(series => ({ series, last: series.points.findLast(point => Number.isFinite(point[1])) }));
    const measure = measurer(node);
    const longest = Math.max(0, ...named.map(series => measure(series.end ?? series.name)));
    const beside = longest + 18 < width * 0.28;
    const words = content.rules.map(rule => ({ ...rule, wide: measure(rule.label) }));
    const value = content.marker;
    const position = marker && value != null ? positionOf(value) : null;
    if (position != null && marker?.text) {
      words.push({ x: position, label: marker.text(value), wide: measure(marker.text(value)) });
    }
    const right = beside && longest ? longest + 18 : ROOM.right;
    const top = words.length || marker?.text ? 34 : ROOM.top;
    const bottom = height - ROOM.bottom;
    shape = frame(content, x, y, { top, bottom, end: width - right }, measure);
    const { xs, ys, left } = shape;
    legend.replaceChildren(...(beside ? [] : named.map(key)));

    const clip = `cw-clip-${label.replace(/\W+/g, "-")}`;
    const inside = svg("g", { "clip-path": `url(#${clip})` });
    for (const band of content.bands) {
      const up = band.points.map(([a, , high]) => `${round(xs(a))},${round(ys(high))}`);
      const down = band.points.map(([a, low]) => `${round(xs(a))},${round(ys(low))}`).reverse();
      inside.append(svg("polygon", { class: `band ${band.colour}`, points: [...up, ...down].join(" ") }));
      const [a, low, high] = band.points[band.points.length - 1];
      const room = ys(low) - ys(high) > ROW + 6;
      if (band.name && room) inside.append(text(band.name, xs(a) - 6, (ys(low) + ys(high)) / 2 + 4, "words", "end"));
    }
    for (const series of content.series) {
      const kind = `line ${series.colour}${series.thin ? " thin" : ""}`;
      const dash = series.dash ?? "";
      inside.append(svg("path", { class: kind, d: path(series.points, xs, ys), "stroke-dasharray": dash }));
      if (series.marks || series.points.length === 1) {
        for (const [a, b] of series.points) if (Number.isFinite(b)) inside.append(dot(series.colour, xs(a), ys(b), 3));
      }
    }
    const area = svg("rect", { x: left, y: top - 4, width: width - left - right + 4, height: bottom - top + 8 });
    const parts = [svg("clipPath", { id: clip }, area), ...axes(shape, content.xLabel), ...rules(words, shape, width)];
    parts.push(inside);
    if (beside) {
      const shown = ends.filter(({ series, last }) => last && series.end !== "");
      const heights = spread(shown.map(end => ys(/** @type {number[]} */ (end.last)[1])), ROW, top, bottom);
      shown.forEach(({ series }, k) => {
        parts.push(text(series.end ?? series.name, width - right + 8, heights[k] + 4, `label ${series.colour}`));
      });
    }
    picture.replaceChildren(...parts);
    picture.setAttribute("width", width);
    stops = [...new Set(named.flatMap(series => series.points.map(point => point[0])))].sort((a, b) => a - b);
    if (slider && position != null) {
      const list = places();
      slider.setAttribute("aria-valuemin", 0);
      slider.setAttribute("aria-valuemax", list.length - 1);
      slider.setAttribute("aria-valuenow", list.findIndex(stop => stop.value === value));
      slider.setAttribute("aria-valuetext", marker?.text?.(value) ?? `${content.xLabel} ${value}`);
      picture.append(svg("line", { class: "marker", x1: xs(position), x2: xs(position), y1: top - 4, y2: bottom }));
      if (handle) handle.style.transform = `translate(${round(xs(position))}px, ${bottom}px)`;
      else picture.append(svg("circle", { class: "thumb", cx: xs(position), cy: bottom, r: 7 }));
    }
    if (handle) handle.hidden = position == null;
    show();
  }

  /** The rule, the dots and the card at the x that is looked at. */
  function show() {
    picture.querySelector(".looked")?.remove();
    card.hidden = seen === null || !shape;
    if (seen === null || !shape) return;
    const { xs, ys, top, bottom } = shape;
    const group = svg("g", { class: "looked" }, svg("line", { x1: xs(seen), x2: xs(seen), y1: top, y2: bottom }));
    const rows = readings();
    for (const { series, at: x, value } of rows) group.append(dot(series.colour, xs(x), ys(value), 4));
    picture.append(group);
    card.replaceChildren(
      h("span", { class: "cw-cap" }, `${content.xLabel} ${roughly(seen)}`), h("span"),
      ...rows.flatMap(({ series, value }) => [key(series), h("span", {}, write(value))]),
    );
    const after = xs(seen) < (shape.left + width) / 2;
    const left = after
      ? `min(${round(xs(seen) + 12)}px, calc(${width}px - 100%))`
      : `max(0px, calc(${round(xs(seen) - 12)}px - 100%))`;
    // Above or below, where the lines are not.
    const middle = rows.reduce((sum, row) => sum + ys(row.value) / rows.length, 0);
    const place = middle > (top + bottom) / 2 ? `${top}px` : `calc(${bottom - 6}px - 100%)`;
    card.style.transform = `translate(${left}, ${place})`;
  }

  const write = value => {
    if (y.percent) return percent(value, 1);
    return Math.abs(value) < HUGE ? fixed(value, y.digits ?? 3) : scientific(value);
  };

  /** The numbers at the x that is looked at, the largest first; a line without a point there has none. */
  function readings() {
    const { xs } = /** @type {NonNullable<typeof shape>} */ (shape);
    const rows = content.series.filter(series => series.name && series.points.length).map(series => {
      const at = closest(series.points.map(point => point[0]), seen, xs);
      const point = series.points.find(candidate => candidate[0] === at) ?? [];
      return { series, at, value: Math.abs(xs(at) - xs(seen)) < 3 ? point[1] : NaN };
    });
    return rows.filter(row => Number.isFinite(row.value)).sort((a, b) => b.value - a.value);
  }

  const look = to => {
    const nearest = to === null || !shape ? null : closest(stops, to, shape.xs);
    if (nearest === seen) return;
    seen = nearest;
    show();
  };
  const read = to => {
    const before = seen;
    look(to);
    if (seen !== before) hovered(seen);
  };

  const under = event => event.clientX - picture.getBoundingClientRect().left;
  const move = pixel => {
    if (!shape || !marker) return;
    const list = places();
    const target = closest(list.map(stop => stop.x), shape.xs.back(pixel), shape.xs);
    const found = list.find(stop => stop.x === target);
    if (found && found.value !== content.marker) put(found.value);
  };
  const put = value => {
    content.marker = value;
    draw();
    marker?.moved(value);
  };
  let dragged = false;
  plot.addEventListener("pointerdown", event => {
    if (!marker || !shape || event.button) return;
    const near = Math.abs(under(event) - shape.xs(positionOf(content.marker))) < REACH;
    if (!near && !marker.anywhere) return;
    dragged = true;
    plot.setPointerCapture(event.pointerId);
    move(under(event));
  });
  plot.addEventListener("pointermove", event => {
    if (!shape) return;
    if (dragged) move(under(event));
    read(shape.xs.back(under(event)));
  });
  for (const end of ["pointerup", "pointercancel"]) {
    plot.addEventListener(end, () => {
      dragged = false;
    });
  }
  plot.addEventListener("click", event => {
    if (shape) read(shape.xs.back(under(event))); // a tap, which does not hover
  });
  plot.addEventListener("pointerleave", event => {
    if (event.pointerType === "mouse") read(null);
  });
  plot.addEventListener("focusout", () => read(null));
  plot.addEventListener("keydown", event => {
    const far = event.shiftKey ? 5 : 1;
    const step = {
      ArrowRight: far, ArrowUp: far, ArrowLeft: -far, ArrowDown: -far, PageUp: 5, PageDown: -5, Home: -1e6, End: 1e6,
    }[event.key];
    if (event.key === "Escape") read(null);
    if (!step || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    if (slider && event.target === slider) {
      const list = places();
      const k = list.findIndex(stop => stop.value === content.marker) + step;
      put(list[Math.max(0, Math.min(list.length - 1, k))].value);
      return;
    }
    if (!stops.length) return;
    const from = step > 0 ? -1 : stops.length;
    const k = (seen === null ? from : stops.indexOf(seen)) + step;
    read(stops[Math.max(0, Math.min(stops.length - 1, k))]);
    const words = readings().map(row => `${row.series.name} ${write(row.value)}`);
    say(`${content.xLabel} ${roughly(seen)}: ${words.join(", ")}`);
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
      draw();
    },
    look,
    close: () => size.disconnect(),
  };
}

const round = value => Math.round(value * 10) / 10;
const tidy = value => +value.toPrecision(6);

/** An x for people: whole numbers as they are, others with three digits. */
const roughly = value => (Number.isInteger(value) ? short(value) : short(+value.toPrecision(3)));

/** How many decimals a number needs. */
const decimals = value => `${tidy(value)}`.split(".")[1]?.length ?? 0;

/** @param {Series} series */
function key(series) {
  const line = svg("path", { class: `line ${series.colour}`, d: "M1 6H21", "stroke-dasharray": series.dash ?? "" });
  return h("span", { class: "cw-key" }, svg("svg", { width: 22, height: 12 }, line), series.name);
}

function dot(colour, cx, cy, r) {
  return svg("circle", { class: `dot ${colour}`, cx: round(cx), cy: round(cy), r });
}

function text(content, x, y, kind, anchor = "start") {
  return svg("text", { class: kind, x: round(x), y: round(y), "text-anchor": anchor }, content);
}

/** Widths of texts without a layout. */
function measurer(node) {
  const context = /** @type {CanvasRenderingContext2D} */ (document.createElement("canvas").getContext("2d"));
  context.font = `600 ${TEXT}px ${getComputedStyle(node).fontFamily}`;
  return words => context.measureText(words).width;
}

/** The scales of both axes and the sides of the drawing. */
function frame(content, x, y, { top, bottom, end }, measure) {
  const points = [...content.series.flatMap(series => series.points), ...content.bands.flatMap(edges)];
  const count = (bottom - top) / 34;
  const ys = scale(content.y ?? nice(range(points, 1, y.log), y, count), bottom, top, y.log, count, false);
  const digits = Math.max(0, ...ys.ticks.map(tick => decimals(y.percent ? tick * 100 : tick)));
  const texts = ys.ticks.map(tick => (y.percent ? percent(tick, digits) : y.log ? short(tick) : fixed(tick, digits)));
  const left = Math.ceil(Math.max(20, ...texts.map(measure)) + 10);
  const whole = points.every(point => Number.isInteger(point[0]));
  const xs = scale(content.x ?? range(points, 0, x.log), left, end, x.log, (end - left) / 60, whole);
  return { xs, ys, texts, left, top, bottom, end };
}

/** @param {{points: number[][]}} band */
function edges(band) {
  return band.points.flatMap(([x, low, high]) => [[x, low], [x, high]]);
}

function range(points, k, log) {
  const values = points.map(point => point[k]).filter(value => Number.isFinite(value) && (!log || value > 0));
  if (!values.length) return log ? [1, 10] : [0, 1];
  const low = values.reduce((a, b) => Math.min(a, b));
  const high = values.reduce((a, b) => Math.max(a, b));
  if (low < high) return [low, high];
  if (log) return [low / 2, high * 2];
  return [low - (k ? Math.abs(low) / 2 || 1 : 0), high + (k ? Math.abs(high) / 2 : 1)];
}

/** Ends that are ticks. */
function nice([low, high], { log, percent: share }, count) {
  if (log) return [low, high];
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
function scale([low, high], from, to, log, count, whole) {
  const turn = log ? Math.log10 : value => value;
  const a = turn(low);
  const length = turn(high) - a || 1;
  const place = value => from + ((turn(value) - a) / length) * (to - from);
  const ticks = log ? logTicks(low, high, count) : plainTicks(low, high, count, whole);
  return Object.assign(place, {
    back: pixel => {
      const value = a + ((pixel - from) / (to - from)) * length;
      return log ? 10 ** value : value;
    },
    ends: [low, high],
    ticks,
  });
}

function plainTicks(low, high, count, whole) {
  const step = Math.max(whole ? 1 : 0, stepOf(high - low, count));
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
    if (power % apart === 0) for (const factor of factors) ticks.push(+(factor * 10 ** power).toPrecision(3));
  }
  return ticks.filter(tick => tick >= low * 0.999 && tick <= high * 1.001);
}

function path(points, xs, ys) {
  let pen = "M";
  let d = "";
  for (const [a, b] of points) {
    if (Number.isFinite(b)) d += `${pen}${round(xs(a))} ${round(ys(b))}`;
    pen = Number.isFinite(b) ? "L" : "M";
  }
  return d;
}

function axes({ xs, ys, texts, left, bottom, end }, label) {
  const parts = [];
  ys.ticks.forEach((tick, k) => {
    parts.push(svg("line", { class: "grid", x1: left, x2: end, y1: ys(tick), y2: ys(tick) }));
    parts.push(text(texts[k], left - 8, ys(tick) + 4, "tick", "end"));
  });
  parts.push(svg("line", { class: "axis", x1: left, x2: end, y1: bottom, y2: bottom }));
  for (const tick of xs.ticks) {
    parts.push(svg("line", { class: "axis", x1: xs(tick), x2: xs(tick), y1: bottom, y2: bottom + 4 }));
    parts.push(text(short(tick), xs(tick), bottom + 17, "tick", "middle"));
  }
  parts.push(text(label, end, bottom + 32, "tick", "end"));
  return parts;
}

/** A number on an axis: 0.001, 20, 1,000, 5 M. */
function short(value) {
  if (Math.abs(value) >= 1e6) return `${tidy(value / 1e6)} M`;
  return fixed(value, decimals(value)).replace(/\B(?=(\d{3})+$)/g, ",");
}

/** Vertical lines with words in two rows above, so that neighbours do not meet. */
function rules(words, { xs, top, bottom }, width) {
  const parts = [];
  const full = [-Infinity, -Infinity];
  for (const { x, label, wide } of words.sort((a, b) => a.x - b.x)) {
    const begin = Math.max(0, Math.min(width - wide, xs(x) - wide / 2));
    const row = begin > full[0] ? 0 : 1;
    full[row] = begin + wide + 6;
    const y = top - 8 - row * ROW;
    parts.push(svg("line", { class: "rule", x1: xs(x), x2: xs(x), y1: y + 3, y2: bottom }));
    parts.push(text(label, begin, y, "words"));
  }
  return parts;
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

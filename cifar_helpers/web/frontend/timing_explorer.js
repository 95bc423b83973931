// Time per image against batch size: two curves compared at a batch size that is dragged along the axis.
import styles from "./timing_explorer.css";
import { h, svg, mount, framed, binding } from "./ui.js";
import { roving } from "./controls.js";
import { chart } from "./chart.js";
import { clamp, percent } from "./numbers.js";

const SOURCES = {
  here: { label: "Measured here", dash: "" },
  recorded: { label: "Recorded on another machine", dash: "7 4" },
  reported: { label: "Reported by others", dash: "2 4" },
};
const COLOURS = ["c1", "c2"]; // of the two that are compared
const MARGIN = 1.07; // room for the dots at the ends
const ROOM = 2; // beyond the lowest and the highest time, for the words at their dots
const EQUAL = 1.05; // ratio of two times that are about equal

/**
 * @param {{model: any, el: HTMLElement}} host
 * @returns {() => void}
 */
export function render({ model, el }) {
  const keyed = (icon, ...said) => h("span", { class: "cw-cap te-key" }, icon, said);
  const { root, say, close } = mount(el, "timing_explorer", "Timing explorer", styles, () => {});
  const draw = framed(show);
  const state = binding(model, { compared: draw, batch: draw });
  const set = values => {
    state.set(values);
    draw();
    say(h("p", {}, headline(), " ", crossing()).textContent);
  };
  /** A time, to three digits unless told otherwise, in the unit that all times of the widget have. */
  const write = (time, digits = decimals(time)) => `${timeText(time, digits)}\u00a0${model.get("unit")}`;
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
  const differ = of => new Set(compared().map(of)).size > 1;
  const dashOf = curve => (differ(one => one.source) ? SOURCES[curve.source].dash : "");
  const colourOf = curve => COLOURS[slots.indexOf(curve.name)];

  const grouped = pairsOf(curves);
  const machines = grouped.map(pair => wordsOf(pair[1]).slice(1)).filter(words => words.length);
  const isCommon = word => machines.length > 1 && machines.every(words => words.includes(word));
  const titles = [...new Set(grouped.map(pair => pair.map(curve => wordsOf(curve)[0]).join(" and ")))];
  const pairs = grouped.map(pair => {
    const names = pair.map(curve => curve.name);
    const label = `${wordsOf(pair[0])[0]} and ${fullName(pair[1])}`;
    const machine = wordsOf(pair[1]).slice(1).filter(word => !isCommon(word)).join(", ");
    const text = titles.length > 1 ? label : machine ? `${machine} (${pair[1].source})` : pair[1].source;
    const pressed = () => {
      slots = [...names]; // each in the same colour whenever its pair is chosen
      compare(names);
    };
    return { pair, node: h("button", { type: "button", class: "cw-chip", "aria-label": label, onclick: pressed }, text) };
  });
  const picks = ["First curve", "Second curve"].map((name, k) => {
    const groups = Object.entries(SOURCES).map(([source, { label }]) => {
      const known = curves.filter(curve => curve.source === source);
      return h("optgroup", { label }, known.map(curve => h("option", { value: curve.name }, fullName(curve))));
    });
    const node = h("select", { class: "cw-chip", "aria-label": name, onchange() {
      slots[k] = node.value;
      compare(slots.filter(Boolean));
    } }, h("option", { value: "", hidden: true, disabled: true }, "choose a curve"), groups.filter(group => group.firstChild));
    return { node, place: h("span", { class: `te-pick ${COLOURS[k]}` }, h("span"), node) };
  });
  const chips = pairs.map(({ node }) => node);
  const row = (title, ...list) => h("div", {}, h("span", { class: "cw-cap" }, title), h("div", { class: "te-chips" }, list));
  // Two curves need no choice.
  const bar = h("div", { class: "te-bar", hidden: curves.length < 3 }, pairs.length > 1 ? row(titles.length > 1 ? "Pairs" : titles[0], ...chips) : null, row(
    "Compare", picks[0].place, h("span", { class: "cw-cap" }, "with"), picks[1].place,
  ));
  if (pairs.length > 1) roving(bar.firstChild, chips);

  let shown = ""; // the compared curves that the chart has
  const view = chart({
    label: "Training time per image against batch size",
    height: 282,
    x: { label: "images per batch (log scale)", log: true },
    y: { label: "Training time per image (log scale)", log: true, text: value => write(value, decimals(value, 1)) },
    marker: { label: "Batch size", text: batch => `↔ batch ${batch}`, says: spoken, moved: batch => set({ batch }) },
  });
  const sources = h("span", { class: "te-sources" });
  const modelKeys = [["step", "fixed cost ÷ batch"], ["image", "cost of each image"]].map(([kind, said]) => keyed(modelLine(kind), said));
  view.node.querySelector(".cw-legend").replaceWith(h("span", { class: "cw-legend" }, sources, modelKeys));

  const words = h("p", { class: "cw-lead te-words" });
  const room = h("p", { class: "cw-lead", "aria-hidden": "true" }); // for the longest words, so that nothing moves in a drag
  const where = h("p", { class: "te-where" });
  const table = h("table", { class: "te-table cw-cap" });
  const limits = h("p", { class: "cw-cap" });
  const note = h("dl");
  const more = h("details", { class: "cw-foot cw-cap" }, h("summary", {}, "How to read this"), note);
  root.append(bar, h("div", { class: "te-lead" }, words, room), view.node, where, table, limits, more);

  /** What a screen reader says at the marker. */
  function spoken(batch) {
    const times = compared().map(curve => [nameOf(curve), isMeasured(curve, batch) ? "" : "about ", timeAt(curve.points, batch)]);
    return [`batch ${batch}`, ...times.filter(([, , time]) => time).map(([name, about, time]) => `${name} ${about}${write(time)} per image`)].join(", ");
  }

  function compare(names) {
    state.set({ compared: names });
    const [low, high] = range();
    set({ batch: clamp(model.get("batch"), low, high) });
  }

  /** What names a curve at its end: as few words as tell both apart. */
  function endOf(curve) {
    const other = compared().find(one => one !== curve);
    const [first, ...rest] = wordsOf(curve);
    if (!other || wordsOf(other)[0] !== first) return first;
    return rest.filter(word => !wordsOf(other).includes(word)).join(", ") || curve.source;
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

  /** A curve's name among the compared ones, without what both have in common. */
  function nameOf(curve) {
    const other = compared().find(one => one !== curve);
    if (!other) return shortName(curve);
    const own = wordsOf(curve).filter((word, k) => !k || !wordsOf(other).includes(word)).join(", ");
    return other.source === curve.source ? own : `${own} (${curve.source})`;
  }

  const coloured = curve => h("b", { class: `label ${colourOf(curve)}` }, nameOf(curve));

  /** What is read at the batch size. */
  function headline() {
    const batch = model.get("batch");
    const times = compared().map(curve => ({ curve, time: timeAt(curve.points, batch) }));
    const [fast, slow] = [...times].sort((a, b) => a.time - b.time);
    const ratio = slow ? slow.time / fast.time : NaN;
    const about = times.every(({ curve }) => isMeasured(curve, batch)) ? "" : "about ";
    const begin = `In batches of ${batch}, `;
    if (!ratio) {
      const said = ({ curve, time }) => (time ? ` takes ${almost(curve, batch)}${write(time)} per image` : " was not measured");
      return [begin, ...times.flatMap((one, k) => [k ? " and " : "", coloured(one.curve), said(one)]), "."];
    }
    const names = [coloured(fast.curve), coloured(slow.curve)];
    if (ratio < EQUAL) return [begin, names[0], " and ", names[1], " are about equally fast."];
    return [begin, names[0], ` is ${about}`, h("b", {}, `${factorText(ratio)} times`), " as fast as ", names[1], "."];
  }

  /** The first compared curve's time in the other's, at a batch size. */
  function ratioAt(size) {
    const [first, ...rest] = compared().map(curve => timeAt(curve.points, size));
    return first / rest[0];
  }

  /** Whether two times differ by more than noise. */
  const isClear = size => Math.abs(Math.log(ratioAt(size))) > Math.log(EQUAL);

  /** Where curves cross: at a batch size where they are about equally fast, else between two. */
  function placeText(place) {
    const [low, high] = [Math.floor(place), Math.ceil(place)];
    const near = [Math.round(place), low, high].find(size => !isClear(size));
    return near ? `near batch ${near}` : `between batch ${low} and ${high}`;
  }

  /** Where the compared curves cross, and which is faster on either side. */
  function crossing() {
    const both = compared();
    const [low, high] = range();
    const machines = otherHardware(both);
    const shared = sizes.filter(ratioAt);
    const largest = Math.exp(Math.max(...shared.map(size => Math.abs(Math.log(ratioAt(size))))));
    const clear = shared.filter(isClear);
    const [below, above] = (ratioAt(clear[0]) < 1 ? both : [...both].reverse()).map(nameOf);
    const places = crossings();
    if (places.length) {
      if (places.length > 1) return `The curves cross more than once. The largest difference is a factor of ${factorText(largest)}.${machines}`;
      return `The curves cross ${placeText(places[0])}: in smaller batches ${below} is faster, in larger ones ${above}.${machines}`;
    }
    if (both.length < 2 || shared.length < 2) return machines;
    const always = clear.length < shared.length ? "" : `: ${below} is always faster`;
    return `The curves do not cross between batch ${low} and ${high}${always}.${machines}`;
  }

  /** What changes with the curves alone. */
  function showCurves(both) {
    picks.forEach(({ node }, k) => {
      node.value = slots[k];
      for (const option of node.options) option.disabled = !option.value || option.value === slots[1 - k];
      const curve = curves.find(one => one.name === slots[k]);
      node.previousSibling.replaceChildren(curve ? key(dashOf(curve)) : "");
    });
    for (const { pair, node } of pairs) node.setAttribute("aria-pressed", pair.every(curve => both.includes(curve)));
    const series = both.flatMap(curve => {
      const [dash, colour] = [dashOf(curve), colourOf(curve)];
      return [...modelOf(curve, colour), { name: fullName(curve), end: endOf(curve), dash, colour, points: curve.points, marks: true }];
    });
    const mixed = differ(curve => curve.source) ? both : [];
    sources.replaceChildren(...mixed.map(curve => keyed(key(dashOf(curve)), curve.source)));
    const times = both.flatMap(curve => curve.points.map(point => point[1]));
    const ends = [Math.min(...times) / ROOM ** 2, Math.max(...times) * ROOM]; // the axis' numbers are below
    const [one, ...other] = both.map(coloured);
    room.replaceChildren(`In batches of ${most}, `, one, " is about ", h("b", {}, "9.9 times"), " as fast as ", ...other, ".");
    const xTicks = [...new Set(both.flatMap(curve => curve.points.map(point => point[0])))].sort((a, b) => a - b);
    view.set({ series, x: [xTicks[0] / MARGIN, xTicks.at(-1) * MARGIN], y: ends, xTicks });
    modelKeys.forEach((one, k) => (one.hidden = !both.some(({ fit }) => fit?.last && fit[["step", "image"][k]])));
    note.replaceChildren(...caution(both, curves).flatMap(([term, meaning]) => [h("dt", {}, term), h("dd", {}, meaning)]));
  }

  function show() {
    const batch = model.get("batch");
    const both = compared();
    if (shown !== slots.join("\n")) showCurves(both);
    shown = slots.join("\n");
    const places = crossings();
    const known = both.map(curve => ({ curve, time: timeAt(curve.points, batch), about: almost(curve, batch) })).filter(({ time }) => time);
    view.set({
      rules: places.length > 1 ? [] : places.map(x => ({ x, label: `cross ${placeText(x).replace("batch ", "")}` })),
      marker: batch,
      dots: known.map(({ curve, time, about }) => {
        const isAbove = known.length > 1 ? time === Math.max(...known.map(one => one.time)) : undefined;
        const colour = colourOf(curve);
        return { x: batch, y: time, colour: about ? `${colour} te-between` : colour, label: about + write(time), isAbove };
      }),
      stops: stops(both, batch),
    });
    words.replaceChildren(...headline());
    where.textContent = crossing();
    const titles = ["curve", `time, ${model.get("unit")}`, batch > 1 ? `fit: fixed cost ÷ ${batch}` : "fit: fixed cost", "+ each image", "= sum"];
    const rows = both.map(curve => h("tr", { class: colourOf(curve) }, h("th", { scope: "row" }, key(dashOf(curve)), nameOf(curve)), cellsOf(curve, batch)));
    table.replaceChildren(h("thead", {}, h("tr", {}, titles.map(title => h("th", { scope: "col" }, title)))), h("tbody", {}, rows));
    const limited = both.map(curve => ({ curve, bounds: pointAt(curve.bounds, batch) })).filter(one => one.bounds.length);
    const said = ["arithmetic", "memory"].map((what, k) => (
      `by ${what} ${limited.map(({ curve, bounds }) => `${nameOf(curve)} ${write(bounds[k + 1])}`).join(", ")}`
    ));
    limits.textContent = limited.length ? `At least, ${said.join("; ")}.` : "";
  }

  /** Where the marker can be: the measured batch sizes, and `batch`. */
  function stops(both, batch) {
    const [low, high] = range();
    const measured = both.flatMap(curve => curve.points.map(point => point[0])).filter(size => size >= low && size <= high);
    return [...new Set([...measured, batch])].sort((a, b) => a - b).map(value => ({ value, x: value }));
  }

  show();
  return () => {
    state.close();
    view.close();
    close();
  };
}

/** The two parts of a curve's fit as lines, up to the batch size for which it holds: one falls, the other is level. */
function modelOf({ fit, points }, colour) {
  if (!fit?.last) return [];
  const ends = [points[0][0], fit.last];
  return [["step", size => fit.step / size], ["image", () => fit.image]].map(([kind, at]) => (
    { name: "", colour, dash: "1 3", kind: `te-model te-${kind}`, points: ends.map(size => [size, at(size)]).filter(([, time]) => time > 0) }
  )).filter(line => line.points.length);
}

/** The cells of a curve's row: its time, the two parts of the fit, and their sum. */
function cellsOf(curve, batch) {
  const time = timeAt(curve.points, batch);
  const cell = (content, attributes = {}) => h("td", attributes, content);
  const number = value => timeText(value, decimals(value));
  const measured = cell(h("b", {}, time ? almost(curve, batch) + number(time) : "not measured"));
  const { step = 0, image = 0, last = 0 } = curve.fit ?? {};
  if (!time || batch > last) {
    const why = last ? `the fit holds up to batch ${last}` : curve.fit ? "no fixed cost fits" : "too few batch sizes for a fit";
    return [measured, cell(why, { colspan: 3 })];
  }
  const [once, each] = [step, image].map(rounded); // all that is said follows from the numbers that are shown
  const part = rounded(once / batch);
  const whole = rounded(part + each);
  const off = percent(Math.abs(whole / rounded(time) - 1)).replace(" ", "\u00a0");
  const near = off === "0\u00a0%" ? "as measured" : `${off} too ${whole > time ? "long" : "short"}`;
  return [
    measured,
    cell([number(part), h("span", {}, batch > 1 ? `${number(once)} ÷ ${batch}` : "")]),
    cell(each ? number(each) : "about 0"),
    cell([number(whole), h("span", {}, isMeasured(curve, batch) ? near : "")]),
  ];
}

/** Two curves of one machine and precision, whose names differ in their first word alone: CNN and MLP. */
function pairsOf(curves) {
  const machine = curve => [curve.source, ...curve.name.split(", ").slice(1)].join();
  const groups = curves.map(one => curves.filter(other => machine(other) === machine(one)));
  return groups.filter((group, k) => group.length === 2 && group[0] === curves[k]);
}

/** What the terms mean, how the split was found, and where it is rough: terms and their explanations. */
function caution(both, curves) {
  const errors = both.map(curve => {
    const name = fullName(curve);
    const { error, last } = curve.fit ?? {};
    if (!curve.fit) return `${name} has too few batch sizes for a fit.`;
    if (!last) return `For ${name} no fixed cost fits.`;
    const upTo = last < curve.points.at(-1)[0] ? ` up to batch ${last}; larger batches do not fit` : "";
    return `For ${name} the fit is within ${percent(Math.abs(error))} of the measured times${upTo}.`;
  });
  return [
    ["Time", "Per image; only times are compared, not accuracies. Between measured sizes (≈) it is read off the line. On log "
      + "scales, each step along an axis multiplies."],
    ["Fixed cost", "Of a step: calling the operations, reading and updating the weights. A batch pays it once, so its images share it."],
    ["Cost of each image", "Arithmetic, and reading and writing its maps."],
    ["Fit", "A simple model: time of a step = fixed cost + batch × cost of each image. The dotted lines are its two parts; where "
      + `the falling one is above the level one, most of the time is fixed cost. ${errors.join(" ")}`],
    curves.some(curve => curve.bounds.length) && ["At least", "The work divided by the best rates measured here, as if every number came "
      + "from memory. Arithmetic and memory can work at once. Other machines’ times come without limits, as these need the machine itself."],
    ["Here", "The machine on which the notebook ran."],
  ].filter(Boolean);
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

const isMeasured = (curve, batch) => curve.points.some(point => point[0] === batch);

/** What precedes a time that is read between two measured batch sizes. */
const almost = (curve, batch) => (isMeasured(curve, batch) ? "" : "≈\u00a0");

const timeAt = (points, batch) => pointAt(points, batch)[1] ?? NaN;

/** As a time is written: to three digits, or to the unit. */
const rounded = time => (time < 1000 ? Number(time.toPrecision(3)) : Math.round(time));

/** How many decimals show some digits of a time; below 0 for whole tens. */
const decimals = (value, digits = 3) => (value > 0 ? digits - 1 - Math.floor(Math.log10(value * 1.0005)) : 0);

function timeText(value, digits) {
  const most = Math.max(0, digits);
  return value.toLocaleString("en", { minimumFractionDigits: most, maximumFractionDigits: most });
}

/** A name without its source, and with "H100" for "NVIDIA H100 80GB HBM3". */
function shortName(curve) {
  const name = curve.name.endsWith(`, ${curve.source}`) ? curve.name.slice(0, -curve.source.length - 2) : curve.name;
  return name.replace(/NVIDIA ([A-Z]\d+)\b[^,]*/, "$1");
}

/** What of the hardware differs between compared curves, as far as their names tell; nothing for one. */
function otherHardware(both) {
  const differ = of => new Set(both.map(of)).size > 1;
  const words = curve => wordsOf(curve).slice(1);
  const isPrecision = word => /^b?float\d+$/.test(word);
  const precisions = both.map(curve => words(curve).find(isPrecision)).filter(Boolean);
  const also = new Set(precisions).size > 1 ? " and in different precisions" : "";
  const what = differ(one => one.source) ? "machines" : differ(one => words(one).filter(word => !isPrecision(word)).join()) ? "devices" : "";
  return what && ` They ran on different ${what}${also}.`;
}

const factorText = ratio => (ratio < 10 ? ratio.toPrecision(2) : `${Math.round(ratio)}`);

const wordsOf = curve => shortName(curve).split(", ");

/** A name within a sentence: "MLP (here)". */
const fullName = curve => `${shortName(curve)} (${curve.source})`;

/** A thin line as one of a fit's parts is drawn. */
function modelLine(kind) {
  const ends = kind === "step" ? { y1: 1, y2: 11 } : { y1: 6, y2: 6 };
  return svg("svg", { class: "te-line te-model", width: 24, height: 12, "aria-hidden": "true" }, svg("line", { x1: 1, x2: 23, ...ends, "stroke-dasharray": "1 3" }));
}

function key(dash) {
  const line = svg("line", { x1: 1, x2: 23, y1: 6, y2: 6, "stroke-dasharray": dash });
  return svg("svg", { class: "te-line", width: 24, height: 12, "aria-hidden": "true" }, line);
}

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
const NEAR = 8; // pixels around the marker in which no curve is named
const ON = 4; // pixels from a curve that is pointed at
const EQUAL = 1.05; // ratio of two times that are about equal
const LEAST = 0.1; // share of a bar from which its part has room for a number

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
  const colourOf = curve => COLOURS[slots.indexOf(curve.name)] ?? "ghost";

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
      if (node.value === slots[1 - k]) slots[1 - k] = slots[k]; // they change places
      slots[k] = node.value;
      compare(slots.filter(Boolean));
    } }, h("option", { value: "", hidden: true }, "choose a curve"), groups.filter(group => group.firstChild));
    return { node, place: h("span", { class: `te-pick ${COLOURS[k]}` }, h("span"), node) };
  });
  const chips = pairs.map(({ node }) => node);
  const row = (title, ...list) => h("div", {}, h("span", { class: "cw-cap" }, title), h("div", { class: "te-chips" }, list));
  // Two curves need no choice.
  const bar = h("div", { class: "te-bar", hidden: curves.length < 3 }, pairs.length > 1 ? row(titles.length > 1 ? "Pairs" : titles[0], ...chips) : null, row(
    "Compare", picks[0].place, h("span", { class: "cw-cap" }, "with"), picks[1].place,
  ));
  if (pairs.length > 1) roving(bar.firstChild, chips);

  const view = chart({
    label: "Training time per image against batch size",
    height: 282,
    x: { label: "images per batch (log scale)", log: true },
    y: { label: "Training time per image (log scale)", log: true, text: value => write(value, decimals(value, 1)) },
    marker: { label: "Batch size", text: batch => `↔ batch ${batch}`, says: spoken, moved: batch => set({ batch }) },
  });
  const thick = h("span", { class: "cw-cap te-key" }, h("i"), "mostly fixed cost");
  const others = h("span", { class: "cw-cap te-key" }, h("i", { class: "te-grey" }), "other curves");
  const dashed = Object.entries(SOURCES).filter(([source, { dash }]) => dash && curves.some(curve => curve.source === source));
  const sources = dashed.map(([source]) => h("span", { class: "cw-cap te-key" }, key({ source }), source));
  view.node.querySelector(".cw-legend").replaceWith(h("span", { class: "cw-legend" }, sources, others, thick));
  const plot = view.node.querySelector(".cw-plot");
  const drawing = plot.querySelector("[role=img]");
  const tag = h("div", { class: "te-tag", "aria-hidden": "true", hidden: true });
  plot.append(tag);

  // A grey curve under the mouse is named.
  let shown = ""; // the compared curves that the chart has
  let behind = []; // its other curves in their order
  const lines = () => [...drawing.querySelectorAll(".te-curve.ghost")];
  function point(event) {
    const { left, top, width } = drawing.getBoundingClientRect();
    const [x, y] = [event.clientX - left, event.clientY - top];
    const far = [...drawing.querySelectorAll(".te-curve")].map(line => Math.abs(heightAt(line, x) - y));
    const isOther = far.slice(behind.length).some(one => one < 2 * ON); // the grey ones come first
    const nearest = far.slice(0, behind.length).reduce((best, one, k) => (one < (far[best] ?? ON) ? k : best), -1);
    const isMarker = Math.abs(plot.querySelector(".marker")?.getAttribute("x1") - x) < NEAR;
    const side = x < width / 2 ? `left:${x}px` : `right:${width - x}px`;
    tag.style.cssText = `${side};top:${y}px`;
    name(isMarker || isOther ? -1 : nearest);
  }
  function name(nearest) {
    lines().forEach((line, k) => line.classList.toggle("te-on", k === nearest));
    tag.hidden = nearest < 0;
    if (!tag.hidden) tag.textContent = fullName(behind[nearest]);
  }
  const forget = () => name(-1);
  plot.addEventListener("pointermove", event => (event.buttons || event.pointerType !== "mouse" ? forget() : point(event)));
  for (const name of ["keydown", "pointerdown", "pointerleave"]) plot.addEventListener(name, forget);

  const words = h("p", { class: "cw-lead te-words" });
  const room = h("p", { class: "cw-lead", "aria-hidden": "true" }); // for the longest words, so that nothing moves in a drag
  const where = h("p", { class: "te-where" });
  const splits = h("div", { class: "te-splits" });
  const stepKey = h("span", { class: "te-cost" });
  const keyed = (kind, ...said) => h("span", { class: "te-key" }, h("i", { class: kind }), said);
  const keys = [keyed("te-step", stepKey), keyed("te-image", "cost of each image")];
  const title = h("b", {}, "Where an image’s time goes");
  const legend = h("div", { class: "te-legend cw-cap" }, title, keys, keyed("te-mark", "measured"));
  const note = h("dl");
  const more = h("details", { class: "cw-foot cw-cap" }, h("summary", {}, "How to read this"), note);
  root.append(bar, h("div", { class: "te-lead" }, words, room), view.node, where, legend, splits, more);

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
      const curve = curves.find(one => one.name === slots[k]);
      node.previousSibling.replaceChildren(curve ? key(curve) : "");
    });
    for (const { pair, node } of pairs) node.setAttribute("aria-pressed", pair.every(curve => both.includes(curve)));
    behind = curves.filter(curve => !both.includes(curve));
    forget();
    const series = [...behind, ...both].map(curve => {
      const isBehind = behind.includes(curve);
      const [end, dash] = [isBehind ? "" : endOf(curve), SOURCES[curve.source].dash];
      const { points } = curve;
      return { name: fullName(curve), end, dash, colour: colourOf(curve), points, marks: !isBehind, kind: "te-curve" };
    });
    const mostly = both.map(curve => [curve, halfOf(curve)]).filter(([curve, half]) => half > curve.points[0][0]);
    series.unshift(...mostly.map(([curve, half]) => {
      const points = [...curve.points.filter(point => point[0] < half), [half, timeAt(curve.points, half)]];
      return { name: "", colour: colourOf(curve), points, kind: "te-thick" };
    }));
    const timesOf = list => list.flatMap(curve => curve.points.map(point => point[1]));
    const ends = [Math.min(...timesOf(both)) / ROOM ** 2, Math.max(...timesOf(curves)) * ROOM]; // the axis' numbers are below
    room.textContent = `In batches of ${most}, ${both.map(nameOf).join(" is about 99 times as fast as ")}.`;
    const xTicks = [...new Set(both.flatMap(curve => curve.points.map(point => point[0])))].sort((a, b) => a - b);
    view.set({ series, x: [least / MARGIN, most * MARGIN], y: ends, xTicks });
    others.hidden = !behind.length;
    thick.hidden = !mostly.length;
    const said = mostly.map(([curve, half]) => `${fullName(curve)} up to batch ${Math.round(half)}`).join(", ");
    note.replaceChildren(...caution(both, curves, said).flatMap(([term, meaning]) => [h("dt", {}, term), h("dd", {}, meaning)]));
  }

  function show() {
    const batch = model.get("batch");
    const both = compared();
    if (shown !== slots.join("\n")) showCurves(both);
    shown = slots.join("\n");
    const places = crossings();
    const shared = batch > 1 ? ` ÷ ${batch}` : "";
    const times = both.map(curve => {
      const [, ...bounds] = pointAt(curve.bounds, batch);
      const time = timeAt(curve.points, batch);
      const { step = 0, image = 0, last = 0 } = curve.fit ?? {};
      const [once, each] = [step, image].map(rounded); // all that is said follows from the numbers that are shown
      const whole = rounded(once / batch + each);
      const fixed = time && batch <= last ? once / (once + batch * each) : NaN;
      const [all, ...parts] = [whole, once, each].map(part => timeText(part, decimals(part)));
      const off = percent(Math.abs(whole / rounded(time) - 1)).replace(" ", "\u00a0");
      const near = off === "0\u00a0%" ? "as measured" : `${off} too ${whole > time ? "long" : "short"}`;
      const sum = ["fit ", term("step", `${parts[0]}${shared}`), " + ", term("image", each ? parts[1] : "about 0"),
        ` ≈\u00a0${all}\u00a0${model.get("unit")}, ${near}`];
      const lengths = fixed >= 0 ? [once / batch, each] : [];
      return { curve, colour: colourOf(curve), name: nameOf(curve), about: almost(curve, batch), fixed, lengths, sum, bounds, last, time };
    });
    const known = times.filter(({ time }) => time);
    view.set({
      rules: places.length > 1 ? [] : places.map(x => ({ x, label: `cross ${placeText(x).replace("batch ", "")}` })),
      marker: batch,
      dots: known.map(({ colour, time, about }) => {
        const isAbove = known.length > 1 ? time === Math.max(...known.map(one => one.time)) : undefined;
        return { x: batch, y: time, colour: about ? `${colour} te-between` : colour, label: about + write(time), isAbove };
      }),
      stops: stops(both, batch),
    });
    words.replaceChildren(...headline());
    where.textContent = crossing();
    stepKey.textContent = batch > 1 ? `fixed cost, shared by all ${batch}` : "fixed cost";
    for (const one of keys) one.hidden = !times.some(({ fixed }) => fixed >= 0);
    const hasLimits = curves.some(curve => curve.bounds.length);
    // The slower one fills its room, so that both can be compared.
    const scale = Math.max(...known.flatMap(({ time, lengths, bounds }) => [time, lengths[0] + lengths[1] || 0, ...bounds]));
    const axis = h("div", { class: "te-row te-axis cw-cap" }, h("div", {}, ["0", write(rounded(scale))].map(one => h("span", {}, one))));
    splits.replaceChildren(...times.map(one => split(one, scale, write, hasLimits)), known.length ? axis : "");
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

/** A curve's time as a bar in two parts, and below it the least that arithmetic and memory need, or that nobody knows. */
function split({ curve, colour, name, about, fixed, lengths, sum, bounds, time, last }, scale, write, hasLimits) {
  const none = last ? `no fit beyond batch ${last}` : curve.fit ? "no fixed cost fits" : "too few batch sizes for a fit";
  const said = h("span", { class: "te-said" }, fixed >= 0 ? sum : none);
  const found = time ? about + write(time) : "not measured";
  const limits = bounds.map((bound, k) => `${["arithmetic", "memory"][k]} at least ${write(bound)}`);
  const missing = curve.source === "here" ? "limits not given" : "limits not measured there";
  const unknown = hasLimits && !curve.bounds.length ? [missing] : [];
  const part = (what, length, ...text) => h("i", { class: `te-${what}`, style: `width:${(100 * length) / scale}%` }, text);
  const hundredths = clamp(Math.round(100 * fixed), fixed > 0 ? 1 : 0, fixed < 1 ? 99 : 100); // both add up to 100
  const numbered = (what, length, number) => part(what, length, length < LEAST * scale ? "" : `${number}\u00a0%`);
  const [once, each] = lengths;
  const parts = fixed >= 0 ? [numbered("step", once, hundredths), numbered("image", each, 100 - hundredths)] : time ? [part("plain", time)] : [];
  if (time) parts.push(h("i", { class: "te-mark", style: `left:${(100 * time) / scale}%` }));
  const share = fixed >= 0 ? [`${hundredths}\u00a0% fixed cost`] : [];
  return h(
    "div", { class: `te-row ${colour}`, role: "img", "aria-label": `${fullName(curve)}: ${[found, said.textContent, ...share, ...limits, ...unknown].join("; ")}` },
    h("span", { class: "te-name" }, key(curve), name),
    h("b", { class: "te-time" }, found),
    h("div", { class: "te-split" }, parts),
    said,
    unknown.map(words => h("span", { class: "cw-cap te-limit" }, words)),
    limits.map((limit, k) => h("span", { class: "cw-cap te-limit" }, part("bound", bounds[k]), limit)),
  );
}

/** A number of a fit, with the look that its part of the bar has. */
function term(part, words) {
  return h("span", { class: "te-term" }, h("i", { class: `te-${part}` }), words);
}

/** The batch size up to which more than half of an image's time is fixed cost; 0 if nothing fits. */
function halfOf({ fit }) {
  return fit ? Math.min(fit.step / fit.image, fit.last) : 0;
}

/** Two curves of one machine and precision, whose names differ in their first word alone: CNN and MLP. */
function pairsOf(curves) {
  const machine = curve => [curve.source, ...curve.name.split(", ").slice(1)].join();
  const groups = curves.map(one => curves.filter(other => machine(other) === machine(one)));
  return groups.filter((group, k) => group.length === 2 && group[0] === curves[k]);
}

/** What the terms mean, how the split was found, and where it is rough: terms and their explanations. */
function caution(both, curves, mostly) {
  const errors = both.map(curve => {
    const name = fullName(curve);
    const { error, last } = curve.fit ?? {};
    if (!curve.fit) return `${name} has too few batch sizes for a fit.`;
    if (!last) return `For ${name} no fixed cost fits.`;
    const upTo = last < curve.points.at(-1)[0] ? ` up to batch ${last}; larger batches do not fit` : "";
    return `For ${name} the fit is within ${percent(Math.abs(error))} of the measured times${upTo}.`;
  });
  const isTiny = both.some(({ fit }) => fit?.last && !fit.image);
  return [
    ["Time", "Per image; only times are compared, not accuracies. Between measured sizes (≈) it is read off the line. On log "
      + "scales, each step along an axis multiplies."],
    ["Fixed cost", "Of a step: calling the operations, reading and updating the weights. A batch pays it once, so its images share it."],
    ["Cost of each image", "Arithmetic, and reading and writing its maps."],
    ["Fit", "Time of a step = fixed cost + batch × cost of each image. A bar shows what this gives, the mark what was measured. "
      + `${errors.join(" ")}${isTiny ? " Where it gives no cost of each image, that is too small to measure." : ""}`],
    mostly && ["Pale band", `Mostly fixed cost: ${mostly}.`],
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

/** To three digits: a time of a fit. */
const rounded = time => Number(time.toPrecision(3));

/** How many decimals show some digits of a time; below 0 for whole tens. */
const decimals = (value, digits = 3) => (value > 0 ? digits - 1 - Math.floor(Math.log10(value * 1.0005)) : 0);

function timeText(value, digits) {
  const most = Math.max(0, digits);
  return value.toLocaleString("en", { minimumFractionDigits: most, maximumFractionDigits: most });
}

/** The height of a curve of the chart, or of its only point, at a place across it; NaN beside it. */
function heightAt(line, x) {
  const places = (line.getAttribute("d").match(/[\d.]+/g) ?? []).map(Number);
  if (places.length === 2 && Math.abs(places[0] - x) < NEAR) return places[1];
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

function key(curve) {
  const line = svg("line", { x1: 1, x2: 23, y1: 6, y2: 6, "stroke-dasharray": SOURCES[curve.source].dash });
  return svg("svg", { class: "te-line", width: 24, height: 12, "aria-hidden": "true" }, line);
}

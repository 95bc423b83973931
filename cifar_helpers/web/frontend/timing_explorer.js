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
const FALLS = " A batch reads the weights once for all its images, so memory’s limit falls as the batch grows.";
const [DASHES, DOTS] = ["6 4", "1 4"]; // of the fixed cost, and of the cost per image
const TILES = 70; // images that the narrowest bar can show one by one
const BENDS = 24; // of a curve that is computed
const MARGIN = 1.07; // room for the dots at the ends
const ROOM = [1.4, 1.1]; // below the lowest time, where the thumb of the marker is, and above the highest
const LONG = 300; // an axis over a larger factor has powers of ten alone
const EQUAL = 1.05; // ratio of two times that are about equal
const SCATTER = 1.5; // curves that change places and never differ by more are about equal, and so are steps
const ROUGH = 0.15; // relative error above which a fit is rough
const MANY = 8; // times the smallest batch, from which it is worth saying that steps are about equal

/**
 * @param {{model: any, el: HTMLElement}} host
 * @returns {() => void}
 */
export function render({ model, el }) {
  const { root, say, close } = mount(el, "timing_explorer", "Timing explorer", styles, () => {});
  const draw = framed(show);
  let isAsking = true; // until the reader moves or presses something, or Python does
  const changed = () => {
    isAsking = false;
    draw();
  };
  const state = binding(model, { compared: changed, batch: changed, fit: changed });
  const set = values => {
    state.set(values);
    changed();
    say(h("p", {}, headline(), " ", crossing()).textContent);
  };
  /** A time, to three digits unless told otherwise, in the unit that all times of the widget have. */
  const write = (time, digits = decimals(time)) => `${timeText(time, digits)}\u00a0${model.get("unit")}`;
  const curves = model.get("curves");
  const sizes = [...new Set(curves.flatMap(curve => curve.points.map(point => point[0])))].sort((a, b) => a - b);
  const [least, most] = [sizes[0], sizes.at(-1)];
  // One scale for all curves, so that a faster machine is seen to be faster
  const timesOf = ({ points, bounds }) => [...points.map(point => point[1]), ...bounds.map(limitAt)];
  const axis = axisOf(curves.flatMap(timesOf));
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
  const presetOf = (pair, own = "") => {
    const names = pair.map(curve => curve.name);
    const label = own || `${wordsOf(pair[0])[0]} and ${fullName(pair[1])}`;
    const machine = wordsOf(pair[1]).slice(1).filter(word => !isCommon(word)).join(", ");
    const text = own || titles.length > 1 ? own || label : machine ? `${machine} (${pair[1].source})` : pair[1].source;
    const pressed = () => {
      slots = [...names]; // each in the same colour whenever its pair is chosen
      compare(names);
    };
    return { pair, node: h("button", { type: "button", class: "cw-chip", "aria-label": label, onclick: pressed }, text) };
  };
  const pairs = grouped.map(pair => presetOf(pair));
  const recorded = grouped.filter(pair => pair[0].source === "recorded").map(pair => pair[0]);
  if (recorded.length === 2 && titles.length === 1) pairs.push(presetOf(recorded, acrossText(recorded)));
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
  const cap = text => h("span", { class: "cw-cap" }, text);
  const row = (title, ...list) => h("div", {}, cap(title), h("div", { class: "te-chips" }, list));
  const isChosen = pairs.length > 1; // by one press
  const presets = isChosen ? row("Compare", titles.length > 1 ? "" : cap(`${titles[0]}:`), ...chips) : null;
  const own = row(isChosen ? "Curves" : "Compare", picks[0].place, cap("and"), picks[1].place);
  const bar = h("div", { class: "te-bar", hidden: curves.length < 3 }, presets, own); // two curves need no choice
  if (presets) roving(presets, chips);

  let shown = ""; // the compared curves that the chart has, and what of fits
  let drawn = ""; // the name of the curve whose fit is drawn, if it is compared and has one
  const isChoice = both => both.length > 1 && both.every(one => one.fit?.last);
  const drawnOf = both => {
    const fitted = both.filter(curve => curve.fit?.last);
    return fitted.find(curve => curve.name === drawn) ?? fitted[0];
  };
  const view = chart({
    label: "Training time per image against batch size",
    height: 244,
    x: { label: "images per batch (log scale)", log: true },
    y: { label: "Training time per image (log scale)", log: true, text: value => write(value, decimals(value, 1)) },
    marker: { label: "Batch size", says: spoken, moved: batch => set({ batch }) },
  });
  let isDragged = false;
  const plot = view.node.querySelector(".cw-plot");
  plot.addEventListener("pointerdown", hold, true);
  for (const end of ["pointerup", "pointercancel"]) plot.addEventListener(end, release);
  const splits = () => {
    state.set({ fit: !model.get("fit") });
    changed();
  };
  const toggle = h("button", { type: "button", class: "cw-chip", onclick: splits }, "Fit: fixed cost + cost per image");
  view.node.querySelector(".cw-legend").replaceWith(toggle); // each curve is named at its end
  const pick = h("span", {}, "Press a row to draw its fit.");
  const rough = h("b", { class: "te-rough" }, "The fits are too rough to decide here.");

  const words = h("p", { class: "cw-lead te-words" });
  const room = h("p", { class: "cw-lead", "aria-hidden": "true" }); // for the longest words, so that nothing moves in a drag
  const where = h("p", { class: "te-where" });
  const table = h("table", { class: "te-table cw-cap" });
  const step = h("p", { class: "te-time" });
  const steps = h("p", { class: "te-steady" });
  const gained = h("p", { class: "te-gained" });
  const over = h("p", { class: "te-over" });
  const errors = h("span");
  const swatch = kind => h("i", { class: kind, "aria-hidden": "true" });
  const parts = h(
    "p", { class: "cw-cap te-key" }, "Time of a step = ", swatch("te-fixed"), "fixed cost + ", swatch("te-images"),
    "batch size × cost per image ", swatch("te-seen"), "(measured) ", rough,
  );
  const stacks = h("div", { class: "te-stacks cw-cap" });
  const split = h("div", { class: "te-split" }, parts, stacks, table, h("p", { class: "cw-cap" }, errors, " ", pick));
  const limits = h("p", { class: "te-limits" });
  const details = h("div", { class: "te-details cw-cap" }, over, step, steps, where, limits);
  const note = h("dl");
  const more = h("details", { class: "cw-foot cw-cap" }, h("summary", {}, "How to read this"), note);
  root.append(
    bar, h("div", { class: "te-lead" }, words, room), view.node, split, gained, details, more,
  );

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

  const isOneNetwork = () => !differ(one => wordsOf(one)[0]);

  /** A curve's name beside the other compared one, without what both have in common: "CNN (H100)", "MLP (here)". */
  function nameOf(curve) {
    const other = compared().find(one => one !== curve);
    if (!other) return shortName(curve);
    const [first, ...rest] = wordsOf(curve);
    const own = rest.filter(word => !wordsOf(other).includes(word));
    const from = other.source === curve.source ? [] : [curve.source];
    const [name, also] = isOneNetwork() ? [[first], [...own, ...from]] : [[first, ...own], from];
    return name.join(", ") + (also.length ? ` (${also.join(", ")})` : "");
  }

  /** The same where it follows "with" or names a row: of one network, the machine alone. */
  const briefOf = curve => (isOneNetwork() && endOf(curve) !== curve.source ? endOf(curve) : nameOf(curve));

  const coloured = curve => h("b", { class: `label ${colourOf(curve)}` }, nameOf(curve));

  /** The longest headline of the compared curves: its room is kept, so that nothing moves in a drag. */
  function longest() {
    const [one, other] = compared().map(coloured);
    if (!other || isScatter()) return headline(most);
    return [`In batches of ${most}, `, one, " is about ", h("b", {}, "9.9 times"), " as fast as ", other, "."];
  }

  /** What is worth finding out. */
  function question() {
    const [one, other] = compared().map(coloured);
    return ["Which gains more from larger batches, ", one, " or ", other, "? Drag the line."];
  }

  /** What is read at the batch size. */
  function headline(batch = model.get("batch")) {
    const times = compared().map(curve => ({ curve, time: timeAt(curve.points, batch) }));
    const [fast, slow] = [...times].sort((a, b) => a.time - b.time);
    const ratio = slow ? slow.time / fast.time : NaN;
    const about = times.every(({ curve }) => isMeasured(curve, batch)) ? "" : "about ";
    const begin = `In batches of ${batch}, `;
    if (!ratio || isScatter()) {
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

  /** By what factor the compared curves differ at most. */
  const largest = () => Math.exp(Math.max(...sizes.filter(ratioAt).map(size => Math.abs(Math.log(ratioAt(size))))));

  /** Whether the curves change places so often, and by so little, that neither is faster. */
  const isScatter = () => crossings().length > 1 && largest() < SCATTER;

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
    const hardware = otherHardware(both);
    const machines = isOneNetwork() && !differ(one => one.source) ? "" : hardware; // there, the names say it
    const shared = sizes.filter(ratioAt);
    const clear = shared.filter(isClear);
    const [below, above] = (ratioAt(clear[0]) < 1 ? both : [...both].reverse()).map(curve => nameOf(curve));
    const places = crossings();
    if (places.length) {
      const so = isScatter() ? ": neither is clearly faster" : "";
      if (places.length > 1) return `The curves change places ${places.length} times and differ by a factor of ${factorText(largest())} at most${so}.${machines}`;
      const sides = `${below} is faster in smaller batches, ${above} in larger ones`;
      return `The curves cross ${placeText(places[0])}, at the ring: ${sides}.${machines}`;
    }
    if (both.length < 2 || shared.length < 2) return machines;
    const always = clear.length < shared.length ? "" : `: ${below} is always faster${hardware ? "" : both[0].source === "here" ? " here" : " on that machine"}`;
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
    const pressed = pairs.find(({ pair }) => pair.every(curve => both.includes(curve)));
    if (pressed) for (const chip of chips) chip.tabIndex = chip === pressed.node ? 0 : -1; // Tab lands there
    const isFit = Boolean(model.get("fit"));
    const fitted = drawnOf(both);
    const series = both.flatMap(curve => {
      const [dash, colour] = [dashOf(curve), colourOf(curve)];
      const parts = isFit ? modelOf(curve, colour) : [];
      const isBack = isFit && curve !== fitted;
      const under = [...(isBack ? [] : parts), ...limitOf(curve, colour, isBack ? "te-limit te-back" : "te-limit")];
      return [...under, { name: fullName(curve), end: endOf(curve), dash, colour, points: curve.points, marks: true }];
    });
    room.replaceChildren(...longest());
    view.set({ series, x: [least / MARGIN, most * MARGIN], ...axis, xTicks: reached(both) });
    toggle.setAttribute("aria-pressed", isFit);
    steps.textContent = isFit ? "" : steady(both); // what the bars show
    steps.hidden = !steps.textContent;
    step.hidden = isFit;
    for (const node of [pick, rough]) node.hidden = !isFit || !isChoice(both);
    split.hidden = !isFit;
    errors.textContent = `How close it fits – ${errorsOf(both, briefOf)}.`;
    const terms = caution(both, isFit);
    note.replaceChildren(...terms.flatMap(([term, meaning]) => [h("dt", {}, term), h("dd", {}, meaning)]));
  }

  function show() {
    const batch = model.get("batch");
    const both = compared();
    const now = [...slots, model.get("fit"), drawn].join("\n");
    if (shown !== now) showCurves(both);
    shown = now;
    const places = crossings();
    const known = both.map(curve => ({ curve, time: timeAt(curve.points, batch), about: almost(curve, batch) })).filter(({ time }) => time);
    const isOne = places.length === 1;
    view.set({
      marker: batch,
      flag: [{ label: `↔ batch ${batch}`, colour: "" }, ...both.map(curve => {
        const time = timeAt(curve.points, batch);
        return { label: `${endOf(curve)} ${time ? almost(curve, batch) + write(time) : "not measured"}`, colour: colourOf(curve) };
      })],
      dots: [
        ...(isOne ? places : []).map(x => ({ x, y: timeAt(both[0].points, x), colour: "te-cross" })),
        ...kinks(both),
        ...known.map(({ curve, time, about }) => ({ x: batch, y: time, colour: about ? `${colourOf(curve)} te-between` : colourOf(curve) })),
      ],
      stops: stops(both, batch),
    });
    const isQuestion = isAsking && sizes.filter(ratioAt).length > 1 && !isScatter();
    words.replaceChildren(...(isQuestion ? question() : headline()));
    step.textContent = stepTime(both, batch);
    where.textContent = crossing();
    const why = model.get("fit") ? reason(both) : "";
    const [gains, surplus] = why ? [why, ""] : gain(both);
    gained.textContent = gains;
    over.textContent = surplus;
    for (const node of [gained, over]) {
      node.hidden = !node.textContent;
      node.style.visibility = isQuestion ? "hidden" : ""; // the answer has its place from the start
    }
    rough.style.visibility = isMisleading(both, batch) ? "" : "hidden"; // it keeps its place in a drag
    const read = both.every(curve => isMeasured(curve, batch)) ? "measured" : "time";
    const fitted = drawnOf(both);
    const { step: fixed = 0 } = fitted?.fit ?? {};
    const titles = [
      [`${model.get("unit")} per image`],
      [read],
      [fitted ? key("", "te-sum") : null, "fit"],
      [fixed ? key(DASHES, "te-model") : null, batch > 1 ? `= fixed cost ÷\u00a0${batch}` : "= fixed cost"],
      [fitted && !isLost(fitted.fit) ? key(DOTS, "te-model") : null, "+ cost per\u00a0image"],
    ];
    const held = table.querySelector("button:focus") !== null;
    const rows = both.map(curve => rowOf(curve, batch, both));
    const heads = h("tr", {}, titles.map(title => h("th", { scope: "col" }, title)));
    table.replaceChildren(h("thead", { class: fitted ? colourOf(fitted) : "" }, heads), h("tbody", {}, rows));
    if (held) table.querySelector("[aria-pressed=true]")?.focus();
    stacks.replaceChildren(...stacked(both, batch));
    limits.textContent = [limited(both, batch), unlimited(both)].filter(Boolean).join(" ");
    limits.hidden = !limits.textContent;
  }

  /** A step of each curve as a bar of its two costs, all on one scale. */
  function stacked(both, batch) {
    const all = both.map(curve => ({ curve, ...stepOf(curve, batch, inMs) }));
    const longest = Math.max(...all.flatMap(({ seen, sum }) => [seen, sum]).filter(Boolean));
    const wide = value => `width: ${(100 * value) / longest}%`;
    return all.flatMap(({ curve, seen, sum, fixed, images, digits, isFitted }) => {
      const number = value => (value ? timeText(value, digits) : "0");
      const said = seen ? `${almost(curve, batch)}${number(seen)}\u00a0ms` : "not measured";
      const text = isFitted ? `${number(fixed)} + ${number(images)} = ${number(sum)}\u00a0ms` : "no fit here";
      const kind = `te-images ${(batch * longest) / images > TILES ? "" : "tiled"}`;
      const costs = [
        h("i", { class: "te-fixed", style: wide(fixed) }),
        h("i", { class: kind, style: `${wide(images)}; background-size: ${100 / batch}% 100%` }),
      ];
      const parts = isFitted ? costs : [h("i", { class: "te-whole", style: wide(seen) })];
      const mark = h("i", { class: "te-seen", style: `left: ${(100 * seen) / longest}%` });
      return [
        h("span", { class: `label ${colourOf(curve)}` }, endOf(curve)),
        h("span", { class: "te-sums" }, text, h("span", {}, isFitted ? ` (${said})` : `: ${said}`)),
        h("span", { class: `te-stack ${colourOf(curve)}`, "aria-hidden": "true" }, seen ? [...parts, mark] : []),
      ];
    });
  }

  /** A curve's row in the table; of two with a fit, it chooses which is drawn. */
  function rowOf(curve, batch, both) {
    const name = [key(dashOf(curve)), endOf(curve)];
    const label = `${endOf(curve)}: draw its fit`;
    const pressed = `${curve === drawnOf(both)}`;
    const button = { type: "button", "aria-label": label, "aria-pressed": pressed };
    const choose = () => {
      drawn = curve.name;
      draw();
    };
    const begin = h("th", { scope: "row" }, isChoice(both) ? h("button", button, name) : name);
    const kind = curve.fit?.last && isLost(curve.fit) ? "te-lost" : "";
    const row = { class: `${colourOf(curve)} ${kind}`, onclick: isChoice(both) ? choose : null };
    return h("tr", row, begin, cellsOf(curve, batch));
  }

  /** How far compared curves are from the least time of an image. */
  function limited(both, batch) {
    const all = both.map(curve => ({ curve, bounds: pointAt(curve.bounds, batch), time: timeAt(curve.points, batch) }));
    const known = all.filter(({ bounds }) => bounds.length);
    if (!known.length) return "";
    const said = known.map(({ curve, bounds: [, arithmetic, memory], time }) => {
      const [limit, sets] = arithmetic > memory ? [arithmetic, "arithmetic"] : [memory, "memory"];
      return `${nameOf(curve)} takes ${factorText(time / limit)} times its limit of ${write(limit)} (${sets})`;
    });
    return `In batches of ${batch}, ${said.join(" and ")}.`;
  }

  /** Why a compared curve of another machine has no limit, where others have one. */
  function unlimited(both) {
    if (!curves.some(curve => curve.bounds.length)) return "";
    const names = both.filter(curve => !curve.bounds.length && curve.source !== "here").map(briefOf);
    return names.length ? `No limit for ${names.join(" and ")}: limits need the machine itself.` : "";
  }

  const inMs = model.get("unit") === "ms" ? 1 : 1000;

  /** What a step takes at the batch size: the time per image, times the images. */
  function stepTime(both, batch) {
    const all = both.map(curve => ({ curve, time: (timeAt(curve.points, batch) * batch) / inMs }));
    const said = all.filter(({ time }) => time).map(({ curve, time }) => (
      `${almost(curve, batch)}${timeText(time, decimals(time))}\u00a0ms (${endOf(curve)})`
    ));
    return said.length ? `A step of ${batch} ${batch === 1 ? "image" : "images"} takes ${said.join(" and ")}.` : "";
  }

  /** What larger batches bring each curve, the answer to the question; and what of it no sharing explains. */
  function gain(both) {
    const shared = sizes.filter(ratioAt);
    const [low, high] = [Math.min(...shared), Math.max(...shared)];
    if (low >= high) return ["", ""];
    const ratioOf = ({ points }) => timeAt(points, low) / timeAt(points, high);
    const all = both.map(curve => ({ curve, text: factorText(ratioOf(curve)) }));
    const said = all.map(({ curve, text }) => {
      const about = [low, high].every(size => isMeasured(curve, size)) ? "" : "about ";
      return `${+text < EQUAL ? "no faster" : `${about}${text} times as fast`} with ${briefOf(curve)}`;
    });
    const most = factorText(high / low); // of what a fixed cost alone explains; as rounded as what is beside it
    const names = all.filter(({ text }) => +text > +most).map(({ curve }) => briefOf(curve)).join(" and ");
    const quicker = `with ${names}, a step of ${high} images takes less time than one of ${low}`;
    return [
      `From batch ${low} to ${high}, training on an image gets ${said.join(" and ")}.`,
      names && `Sharing a fixed cost alone gives ${most} times at most: ${quicker}.`,
    ];
  }

  /** Why the curves cross or not, by the two costs of each fit; nothing without two fits. */
  function reason(both) {
    if (sizes.filter(ratioAt).length < 2 || !isChoice(both)) return "";
    const costs = both.map(costsOf);
    const [fixed, image] = ["fixed", "image"].map(kind => larger(costs[0][kind], costs[1][kind]));
    const isSwapped = (fixed || image) < 0; // the one of the larger fixed cost comes first
    const [first, other] = (isSwapped ? [...both].reverse() : both).map(briefOf);
    const said = (kind, text, beside = "") => {
      const [a, b] = (isSwapped ? [...costs].reverse() : costs).map(cost => cost[kind]);
      if (a.isLost && b.isLost) return `about nothing (as with ${other})`;
      const [one, two] = [a, b].map(({ value, isLost }) => (isLost ? "about nothing" : text(value)));
      return `${one} against ${two}${beside}`;
    };
    const inStep = time => `${timeText(time / inMs, decimals(time / inMs))}\u00a0ms`;
    const isOpposed = image && image !== fixed;
    const costing = `the fixed cost is ${said("fixed", inStep, ` with ${other}`)}, ${isOpposed ? "but" : "and"} each image adds `;
    return `With ${first}, ${costing}${said("image", time => write(time))}${outcome(both, isSwapped ? -1 : 1)}`;
  }

  /** Which is faster where, as measured, if that follows from the fits; `sign` is 1 if the first curve is named. */
  function outcome(both, sign) {
    const shared = sizes.filter(ratioAt);
    const places = crossings();
    const all = shared.map(size => (isClear(size) ? sign * Math.sign(ratioAt(size) - 1) : 0)); // 1 where it is slower
    const seen = places.length ? all.filter(Boolean) : all;
    const [small, large] = [seen[0], seen.at(-1)];
    const [one, two] = both.map(curve => curve.fit);
    const follows = (size, order) => {
      const gap = sign * Math.log(fittedAt(one, size) / fittedAt(two, size));
      return order ? gap * order > 0 : Math.abs(gap) <= Math.log(EQUAL) + Math.abs(one.error) + Math.abs(two.error);
    };
    const isPlain = places.length < 2 && (small !== large || seen.every(order => order === small));
    const last = Math.min(shared.at(-1), one.last, two.last);
    if (isScatter()) return "."; // which is said already
    if (!isPlain || !follows(shared[0], small) || !follows(last, large)) {
      return ". The fits do not explain which is faster where.";
    }
    const speed = order => ["faster", "about as fast", "slower"][order + 1];
    if (small === large) return `: so training is ${speed(small)} at every batch size here.`;
    const few = shared[0] === 1 && places[0] <= 2 ? "for single images" : "in small batches";
    return `: so training is ${speed(small)} ${few} and ${speed(large)} in large ${few.endsWith("batches") ? "ones" : "batches"}.`;
  }

  /** Whether the bars of the fits say another order than the measured times. */
  function isMisleading(both, batch) {
    const all = both.map(curve => stepOf(curve, batch, inMs));
    if (all.length < 2 || !all.every(({ isFitted }) => isFitted)) return false;
    const [fit, seen] = ["sum", "seen"].map(kind => Math.log(all[0][kind] / all[1][kind]));
    const order = gap => (Math.abs(gap) > Math.log(EQUAL) ? Math.sign(gap) : 0);
    return order(fit) ? order(fit) !== order(seen) : order(seen) * fit < 0;
  }

  /** What a step takes where that is about the same for few images and for many. */
  function steady(both) {
    const groups = new Map();
    for (const curve of both) {
      const { first, last, ends } = steadyOf(curve);
      if (last < MANY * first) continue;
      const texts = ends.map(time => timeText(time / inMs, decimals(ends[0] / inMs, 2)));
      const title = `With ${first} to ${last} images`;
      const took = `${[...new Set(texts)].join("–\u2060")}\u00a0ms (${briefOf(curve)})`;
      groups.set(title, [...(groups.get(title) ?? []), took]);
    }
    const sentence = ([title, took]) => `${title}, a step takes ${took.join(" and ")}: mostly fixed cost.`;
    return [...groups].map(sentence).join(" ");
  }

  /** What sets the limit on both sides of its kink, while only one limit is drawn. */
  function kinks(both) {
    const isDrawn = curve => curve.bounds.length && (!model.get("fit") || curve === drawnOf(both));
    const limits = both.filter(isDrawn);
    if (limits.length !== 1) return [];
    const colour = `te-kink ${colourOf(limits[0])}`;
    return kinkOf(limits[0]).map(([x, y]) => ({ x, y, colour, label: "memory | arithmetic" }));
  }

  /** The measured batch sizes at which the compared curves can be read. */
  function reached(both) {
    const [low, high] = range();
    const measured = both.flatMap(curve => curve.points.map(point => point[0])).sort((a, b) => a - b);
    return [...new Set(measured)].filter(size => size >= low && size <= high);
  }

  /** Where the marker can be: there, and at `batch`; in a drag at every batch size, so that it follows the pointer. */
  function stops(both, batch) {
    const [low, high] = range();
    const all = isDragged ? Array.from({ length: high - low + 1 }, (_, k) => low + k) : reached(both);
    return [...new Set([...all, batch])].sort((a, b) => a - b).map(value => ({ value, x: value }));
  }

  /** A drag begins: before the chart hears of it. */
  function hold(event) {
    if (event.button || !event.isPrimary) return;
    isDragged = true;
    view.set({ stops: stops(compared(), model.get("batch")) });
  }

  /** It ends, at the nearest measured batch size unless it was broken off. */
  function release(event) {
    if (!isDragged || !event.isPrimary) return;
    isDragged = false;
    const far = size => Math.abs(Math.log(size / model.get("batch")));
    const nearest = reached(compared()).reduce((one, other) => (far(other) < far(one) ? other : one));
    if (event.type === "pointerup") set({ batch: nearest });
    else draw();
  }

  show();
  return () => {
    state.close();
    view.close();
    close();
  };
}

/** The axis of times: its ends, round times below and above all, and the round times that it shows. */
function axisOf(times) {
  const [low, high] = [Math.min(...times) / ROOM[0], Math.max(...times) * ROOM[1]];
  const powers = Array.from({ length: 40 }, (_, k) => k - 20);
  const all = powers.flatMap(power => [1, 2, 5].map(factor => ({ factor, tick: +`${factor}e${power}` })));
  const [from, to] = [all.findLast(one => one.tick <= low), all.find(one => one.tick >= high)].map(one => one.tick);
  const isShown = ({ factor, tick }) => tick >= from && tick <= to && (factor === 1 || to < LONG * from);
  return { y: [from, to], ticks: all.filter(isShown).map(one => one.tick) };
}

/** Batch sizes for a curve that is computed. */
function spaced(first, last) {
  const at = k => (k < BENDS ? first * (last / first) ** (k / BENDS) : last);
  return Array.from({ length: BENDS + 1 }, (_, k) => at(k));
}

const limitAt = ([, arithmetic, memory]) => Math.max(arithmetic, memory);

/** The least time that arithmetic and memory allow, as a line. */
function limitOf({ bounds }, colour, kind) {
  if (!bounds.length) return [];
  const points = spaced(bounds[0][0], bounds.at(-1)[0]).map(size => [size, limitAt(pointAt(bounds, size))]);
  return [{ name: "limit", colour, kind, points }];
}

/** Where memory stops to set the limit and arithmetic begins: nowhere if one sets all of it. */
function kinkOf({ bounds }) {
  const gaps = bounds.map(([, arithmetic, memory]) => Math.log(memory / arithmetic));
  const k = gaps.findIndex((gap, n) => n && gaps[n - 1] > 0 && gap <= 0);
  if (k < 1) return [];
  const share = gaps[k - 1] / (gaps[k - 1] - gaps[k]);
  const size = bounds[k - 1][0] ** (1 - share) * bounds[k][0] ** share;
  return [[size, limitAt(pointAt(bounds, size))]];
}

/** The smallest batches of a curve whose steps take about as long. */
function steadyOf({ points }) {
  const times = points.map(([size, time]) => size * time);
  const range = count => [Math.min(...times.slice(0, count)), Math.max(...times.slice(0, count))];
  const count = times.findLastIndex((_, k) => range(k + 1)[1] <= SCATTER * range(k + 1)[0]) + 1;
  return { first: points[0][0], last: points[count - 1][0], ends: range(count) };
}

/** Whether the cost per image makes no larger difference anywhere than the error of the fit. */
const isLost = ({ step, image, error, last }) => image * last <= Math.abs(error) * (step + image * last);

/** The two costs of a fit, and between which values each is: from 0 where it is lost in the scatter. */
function costsOf({ fit: { step, image, error, last }, points }) {
  const share = Math.abs(error) / (1 - Math.abs(error));
  const cost = (value, lost) => (
    value <= lost ? { value, isLost: true, low: 0, high: lost } : { value, isLost: false, low: value, high: value }
  );
  return { fixed: cost(step, share * image * points[0][0]), image: cost(image, (share * step) / last) };
}

/** 1 if the first of two costs is clearly larger, −1 if the second is, else 0. */
const larger = (one, other) => (one.low > EQUAL * other.high ? 1 : other.low > EQUAL * one.high ? -1 : 0);

const fittedAt = ({ step, image }, size) => step / size + image;

/** A curve's fit as lines, up to the batch size for which it holds: its two parts, one falling and one level, and their
    sum broad and pale under the measured curve. */
function modelOf({ fit, points }, colour) {
  if (!fit?.last) return [];
  const [first, last] = [points[0][0], fit.last];
  const line = (kind, dash, sizes, at) => (
    { name: kind, end: "", colour, dash, kind: `te-model te-${kind}`, points: sizes.map(size => [size, at(size)]) }
  );
  return [
    line("sum", "", spaced(first, last), size => fittedAt(fit, size)),
    ...(fit.step ? [line("step", DASHES, [first, last], size => fit.step / size)] : []),
    ...(isLost(fit) ? [] : [line("image", DOTS, [first, last], () => fit.image)]),
  ];
}

/** A step's time in milliseconds as measured, and as fitted, with its two costs as they are written. */
function stepOf({ points, fit }, batch, inMs) {
  const seen = (timeAt(points, batch) * batch) / inMs;
  if (!seen || !(batch <= fit?.last)) return { seen, sum: 0, digits: decimals(seen), isFitted: false };
  const digits = decimals(Math.max(seen, (fit.step + batch * fit.image) / inMs));
  const unit = 10 ** -Math.max(0, digits);
  const [fixed, images] = [fit.step, batch * fit.image].map(value => Math.round(value / inMs / unit) * unit);
  return { seen, fixed, images, sum: fixed + images, digits, isFitted: true };
}

/** The cells of a curve's row: its time, the fit, and the two parts of the fit, all with as many decimals. */
function cellsOf(curve, batch) {
  const time = timeAt(curve.points, batch);
  const { step = 0, image = 0, last = 0 } = curve.fit ?? {};
  const isFitted = time && batch <= last;
  const digits = Math.max(0, decimals(isFitted ? Math.max(time, step / batch + image) : time));
  const number = value => timeText(value, digits);
  const cell = (...content) => h("td", {}, content);
  const measured = cell(h("b", {}, time ? almost(curve, batch) + number(time) : "not measured"));
  if (!isFitted) {
    const why = last ? `fitted up to batch ${last}` : curve.fit ? "no fixed cost fits" : "too few batch sizes for a fit";
    return [measured, h("td", { colspan: 3 }, why)];
  }
  const [seen, part, each] = [time, rounded(step) / batch, image].map(value => +value.toFixed(digits)); // sums are of what is shown
  const fit = part + each;
  const off = percent(Math.abs(fit / seen - 1)).replace(" ", "\u00a0");
  const far = off === "0\u00a0%" ? `${off}\u00a0off` : `${off}\u00a0${fit > seen ? "high" : "low"}`;
  return [
    measured,
    cell(number(fit), h("span", {}, isMeasured(curve, batch) ? far : "")),
    cell(number(part), h("span", {}, batch > 1 && step ? `${timeText(rounded(step), decimals(rounded(step)))}\u00a0÷\u00a0${batch}` : "")),
    cell(each ? number(each) : image ? "about 0" : "0", h("span", {}, isLost(curve.fit) ? "lost in the scatter" : "")),
  ];
}

/** Two curves of one machine and precision, whose names differ in their first word alone: CNN and MLP. */
function pairsOf(curves) {
  const machine = curve => [curve.source, ...curve.name.split(", ").slice(1)].join();
  const groups = curves.map(one => curves.filter(other => machine(other) === machine(one)));
  return groups.filter((group, k) => group.length === 2 && group[0] === curves[k]);
}

/** One network on two machines: "CNN: 2 cores and H100". */
function acrossText(both) {
  const [one, other] = both.map(wordsOf);
  const only = (words, beside) => words.filter(word => !beside.includes(word)).join(", ");
  return `${one[0]}: ${only(one, other)} and ${only(other, one)}`;
}

/** How far fits are from the measured times. */
function errorsOf(both, nameOf) {
  return both.map(curve => {
    const { error, last } = curve.fit ?? {};
    if (!curve.fit) return `${nameOf(curve)}: too few batch sizes for a fit`;
    if (!last) return `${nameOf(curve)}: no fixed cost fits`;
    const upTo = isWhole(curve) ? "" : ` up to batch ${last}`;
    const rough = Math.abs(error) > ROUGH ? "roughly, " : "";
    return `${nameOf(curve)}: ${rough}within ${Math.ceil(Math.abs(error * 100).toFixed(1))}\u00a0%${upTo}`;
  }).join("; ");
}

/** Whether a curve is fitted up to its largest batch. */
const isWhole = ({ fit, points }) => fit.last === points.at(-1)[0];

/** What the terms that are shown mean: terms and their explanations. */
function caution(both, isFitted) {
  const sources = new Set(both.map(curve => curve.source));
  const isFalling = both.some(({ bounds }) => bounds.length && bounds[0][2] > EQUAL * bounds.at(-1)[2]);
  return [
    ["Time", "Per image; only times are compared, not accuracies. Between measured sizes (≈) it is read off the line. On log "
      + "scales, each step along an axis multiplies."],
    isFitted && ["Fixed cost", "What a step costs however many images it has. It may include calling the operations, and reading and "
      + "updating the weights. A batch pays it once, so its images share it."],
    isFitted && ["Cost per image", "It may include arithmetic, and reading and writing the maps."],
    isFitted && both.some(({ fit }) => fit?.last && isLost(fit)) && ["Lost in the scatter", "Even in the largest "
      + "batch, the cost per image adds less to the fitted time than the error of the fit."],
    isFitted && ["Fit", "The two costs with which the model comes closest to the measured times. In the chart, dashes "
      + "are its fixed cost ÷ batch size, dots its cost per image. Where the dashes are above the dots, most of the "
      + "fitted time is fixed cost. The bars are steps at the batch size of the line, on one scale that grows with them."],
    isFitted && both.some(one => one.fit?.last && !isWhole(one)) && ["Up to a batch", "Larger ones do not follow the "
      + "model; why was not measured."],
    both.some(curve => curve.bounds.length) && ["Limit", "The work divided by the best rates measured here, as if "
      + "every number came from memory. Arithmetic and memory can work at once, so the larger time is the limit: the "
      + `thin line.${isFalling ? FALLS : ""}`],
    sources.has("here") && ["Here", "The machine on which the notebook ran."],
    sources.has("recorded") && ["Recorded", "Measured earlier, on another machine."],
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

/** A sample of a line. */
function key(dash, kind = "") {
  const line = svg("line", { x1: 1, x2: 23, y1: 6, y2: 6, "stroke-dasharray": dash });
  return svg("svg", { class: `te-line ${kind}`, width: 24, height: 12, "aria-hidden": "true" }, line);
}

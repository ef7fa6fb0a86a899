"use strict";
// Plays the picture of a page: steps both ways, and lights up one call.
// All texts are in the page already; nothing of a transcript is in this script.
(() => {
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];
  const one = (selector) => document.querySelector(selector);
  const MIN_PACE = 700, MAX_PACE = 2500; // milliseconds from one event to the next

  // --- light up a call: its events in the picture, in the list, and beside it ---

  const ofCalls = all("[data-calls]");
  const callsOf = (element) => element.dataset.calls.split(" ").filter(Boolean);

  function light(calls) {
    for (const element of ofCalls) {
      element.classList.toggle("on", callsOf(element).some((call) => calls.includes(call)));
    }
    document.body.classList.toggle("lit", calls.length > 0);
  }

  function lightUpUnder(event) {
    const element = event.target.closest("figure [data-calls], .calls [data-calls], .pair [data-calls]");
    const calls = element ? callsOf(element) : [];
    light(calls.slice(-1)); // an answer belongs to the call that it answers
  }
  document.addEventListener("mouseover", lightUpUnder);
  document.addEventListener("focusin", lightUpUnder);
  document.addEventListener("focusout", () => light([]));

  const dock = one(".dock");
  if (!dock) return;

  // --- where the player is: 0 is the whole picture, 1 the first event ---

  const events = all(".events > li");
  const places = new Map(events.map((event, index) => [event.dataset.seq, index + 1]));
  const withPlace = (mark) => ({ mark, place: places.get(mark.dataset.seq) });
  const [marks, notes] = ["figure .step", "figure .note"].map((each) => all(each).map(withPlace));
  const svg = one("figure svg");
  const [card, count, range, play] = [".card", ".count", ".track input", ".play"].map(one);
  const hint = card.cloneNode(true);
  let place = 0;
  let timer = 0;

  function cover(kind, behind) {
    const rect = document.createElementNS(svg.namespaceURI, "rect");
    rect.setAttribute("class", kind);
    rect.setAttribute("width", "100%");
    rect.setAttribute("height", "0");
    svg.insertBefore(rect, behind);
    return rect;
  }
  const band = cover("band", svg.querySelector(".paper").nextSibling);
  const curtain = cover("curtain", svg.querySelector("g.legend"));

  function between(rect, top, bottom) {
    rect.setAttribute("y", top);
    rect.setAttribute("height", Math.max(0, bottom - top));
  }

  function show(next, { scrolls = true } = {}) {
    place = Math.max(0, Math.min(events.length, next));
    const event = events[place - 1];
    const current = marks.findLast((each) => each.place <= place)?.mark; // a state has no mark
    for (const { mark, place: own } of [...marks, ...notes]) { // the curtain covers the rows below
      const isBeside = mark.dataset.top === current?.dataset.top;
      mark.classList.toggle("future", isBeside && own > place);
      mark.classList.toggle("now", mark === current);
    }
    events.forEach((each, index) => each.classList.toggle("now", index + 1 === place));
    const bottom = svg.viewBox.baseVal.y + svg.viewBox.baseVal.height;
    const [from, to] = current ? [current.dataset.top, current.dataset.bottom].map(Number) : [bottom, bottom];
    between(band, from, to);
    between(curtain, to, bottom - 40);
    card.replaceChildren(...(event || hint).cloneNode(true).childNodes);
    all("[id]", card).forEach((element) => element.removeAttribute("id"));
    range.value = place;
    count.textContent = place ? `${place} of ${events.length}` : `${events.length} events`;
    if (event && scrolls) keepInView(current);
  }

  function keepInView(mark) {
    if (!mark) return;
    const box = mark.getBoundingClientRect();
    const room = innerHeight - dock.offsetHeight;
    if (box.top < 20 || box.bottom > room - 20) scrollBy(0, box.top - room / 2);
  }

  // --- playing ---

  function pace() {
    const [now, then] = [place - 1, place].map((index) => Number(events[Math.max(0, index)].dataset.t));
    return Math.max(MIN_PACE, Math.min(MAX_PACE, (then - now) * 1000)) / Number(one(".speed").value);
  }

  function stop() {
    clearTimeout(timer);
    timer = 0;
    play.textContent = "Play";
  }

  function goOn() {
    if (place >= events.length) return stop();
    timer = setTimeout(() => { show(place + 1); goOn(); }, pace());
  }

  function toggle() {
    if (timer) return stop();
    if (place >= events.length) show(0);
    play.textContent = "Pause";
    show(place + 1);
    goOn();
  }

  function step(by) {
    stop();
    show(place === 0 && by < 0 ? events.length : place + by);
    remember();
  }

  function remember() {
    try {
      history.replaceState(null, "", place ? `#${events[place - 1].id}` : location.pathname);
    } catch { /* a page without an address of its own */ }
  }

  function leave() {
    stop();
    show(0);
  }

  const keys = {
    ArrowRight: () => step(1), ArrowLeft: () => step(-1), " ": toggle,
    Home: () => { stop(); show(1); }, End: () => { stop(); show(events.length); }, Escape: leave,
  };
  document.addEventListener("keydown", (event) => {
    const own = event.target.closest("input, select, button, a");
    const isNative = own && (own.matches("input, select") || event.key === " ");
    if (event.ctrlKey || event.metaKey || event.altKey || isNative || !(event.key in keys)) return;
    event.preventDefault();
    keys[event.key]();
  });
  play.addEventListener("click", toggle);
  one(".back").addEventListener("click", () => step(-1));
  one(".next").addEventListener("click", () => step(1));
  one(".all").addEventListener("click", leave);
  one(".zoom").addEventListener("click", () => one("figure").classList.toggle("zoomed"));
  range.addEventListener("input", () => { stop(); show(Number(range.value)); });
  for (const { mark, place: own } of marks) {
    if (own) mark.addEventListener("click", () => { stop(); show(own, { scrolls: false }); });
  }
  const byHash = () => {
    const linked = places.get(location.hash.slice(2)); // #e13
    if (linked && linked !== place) { stop(); show(linked); }
  };
  addEventListener("hashchange", byHash);

  range.max = events.length;
  events.forEach((event, index) => {
    if (!event.querySelector(".line .wrong")) return;
    const tick = document.createElement("i");
    tick.style.left = `${100 * (index + 1) / events.length}%`;
    range.before(tick);
  });
  dock.hidden = false;
  show(0);
  addEventListener("load", () => setTimeout(byHash)); // after the browser has scrolled to the event
})();

"use strict";
// The charts of the page: one window of time, one cursor and one mark for all of them. Drawing is the library's.
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const section = document.getElementById("charts"), plots = document.getElementById("plots");
  if (!window.Plotly || data.charts.length === 0) return;
  section.hidden = false;

  const bytes = (text) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0)).buffer;
  const whole = [data.from_s, Math.max(data.to_s, data.from_s + 1e-3)];
  const state = { window: whole, cursor: null, mark: null, raw: false };
  const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const COLUMNS = 900; // of pixels: first, least, greatest and last of each are drawn, so that no peak is lost at any zoom

  for (const chart of data.charts)
    for (const series of chart.series) {
      series.t = Float64Array.from(new Uint32Array(bytes(series.ticks)), (tick) => tick * data.tick_s);
      series.y = new Float32Array(bytes(series.values));
      series.ticks = series.values = "";
    }

  // The place of the last point that is not later, or -1.
  const placeAt = (times, t) => {
    let low = 0, high = times.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (times[middle] <= t) low = middle + 1; else high = middle;
    }
    return low - 1;
  };
  // The points of a window, one more on each side, and no more than can be seen.
  const visible = (series) => {
    const from = Math.max(placeAt(series.t, state.window[0]), 0);
    const to = Math.min(placeAt(series.t, state.window[1]) + 2, series.t.length);
    const t = [], y = [];
    const keep = (place) => { t.push(series.t[place]); y.push(Number.isNaN(series.y[place]) ? null : series.y[place]); };
    if (state.raw || to - from <= 4 * COLUMNS) {
      for (let place = from; place < to; place++) keep(place);
      return { t, y };
    }
    const width = (state.window[1] - state.window[0]) / COLUMNS;
    for (let start = from; start < to;) {
      const column = Math.floor(series.t[start] / width);
      let end = start, least = -1, greatest = -1, broken = -1;
      for (; end < to && Math.floor(series.t[end] / width) === column; end++) {
        const value = series.y[end];
        if (Number.isNaN(value)) { broken = end; continue; }
        if (least < 0 || value < series.y[least]) least = end;
        if (greatest < 0 || value > series.y[greatest]) greatest = end;
      }
      const kept = [start, least, greatest, broken, end - 1].filter((place) => place >= 0).sort((a, b) => a - b);
      kept.forEach((place, i) => { if (i === 0 || kept[i - 1] !== place) keep(place); });
      start = Math.max(end, start + 1);
    }
    return { t, y };
  };

  const rectangle = ([from, to], colour, opacity) => ({
    type: "rect", xref: "x", yref: "paper", x0: from, x1: Math.max(to, from), y0: 0, y1: 1, line: { width: 0 }, fillcolor: colour, opacity, layer: "below",
  });
  const shapes = (chart) => {
    const drawn = chart.gaps_s.map((gap) => rectangle(gap, css("--soft"), 0.25)).concat(chart.broken_s.map((one) => rectangle(one, css("--bad"), 0.18)));
    if (data.trip_s !== null) drawn.push({ type: "line", xref: "x", yref: "paper", x0: data.trip_s, x1: data.trip_s, y0: 0, y1: 1, line: { color: css("--ink"), width: 1.5 } });
    for (const limit of chart.limits)
      for (const [from, to] of limit.active_s || [whole])
        drawn.push({ type: "line", xref: "x", yref: "y", x0: from, x1: to, y0: limit.value, y1: limit.value, line: { color: css("--bad"), width: 1.5, dash: "dash" } });
    return drawn;
  };
  const notes = (chart) => chart.limits.map((limit) => ({
    xref: "paper", x: 1, xanchor: "right", yref: "y", y: limit.value, yanchor: limit.above ? "bottom" : "top", text: limit.text, showarrow: false, font: { size: 11, color: css("--bad") },
  }));
  const LOOKS = {
    actual: { width: 2, dash: "solid", colour: "--ink" }, told: { width: 1.5, dash: "dot", colour: "--open" }, asked: { width: 1.2, dash: "dash", colour: "--blue" },
  };
  const traces = (chart) => chart.series.map((series) => {
    const { t, y } = visible(series), look = LOOKS[series.role];
    return {
      type: "scatter", name: series.name, x: t, y, mode: state.raw ? "lines+markers" : "lines", hoverinfo: "skip", connectgaps: false,
      line: { shape: series.steps ? "hv" : "linear", width: look.width, dash: look.dash, color: css(look.colour) }, marker: { size: 4 },
    };
  });
  const layout = (chart) => {
    const axis = { color: css("--ink"), gridcolor: css("--line"), zeroline: false };
    return {
      // The same margins for all: what happened at one time stands below one another.
      margin: { l: 110, r: 16, t: chart.series.length > 1 ? 24 : 4, b: 28 }, height: 190, paper_bgcolor: css("--ground"), plot_bgcolor: css("--ground"), font: { color: css("--ink"), size: 12 },
      showlegend: chart.series.length > 1, legend: { orientation: "h", y: 1, yanchor: "bottom" }, dragmode: "zoom", hovermode: false,
      xaxis: { ...axis, range: state.window.slice(), ticksuffix: " s", fixedrange: false },
      yaxis: { ...axis, fixedrange: true, title: { text: chart.unit ? `[${chart.unit}]` : "" }, ...(chart.states.length ? { tickvals: chart.states.map((_, i) => i), ticktext: chart.states, range: [-0.2, chart.states.length - 0.8] } : {}) },
      shapes: shapes(chart), annotations: notes(chart),
    };
  };
  const TONES = { plain: ["--paper", ""], fault: ["--open-soft", "/"], bad: ["--bad-soft", "x"], good: ["--good-soft", ""], faint: ["--line", "."] };
  const laneTraces = () => data.lanes.map((lane) => ({
    type: "bar", orientation: "h", name: lane.name, y: lane.bars.map(() => lane.name), base: lane.bars.map((bar) => bar.from_s), x: lane.bars.map((bar) => Math.max(bar.to_s - bar.from_s, 0)),
    text: lane.bars.map((bar) => bar.label), textposition: "inside", insidetextanchor: "start", hoverinfo: "text", textfont: { color: css("--ink") },
    marker: { color: lane.bars.map((bar) => css(TONES[bar.tone][0])), line: { color: css("--ink"), width: 1 }, pattern: { shape: lane.bars.map((bar) => TONES[bar.tone][1]), fgcolor: css("--ink"), fgopacity: 0.5 } },
  }));
  const laneLayout = () => {
    const height = 60 + 26 * data.lanes.length, base = layout({ series: [], limits: [], gaps_s: [], broken_s: [], states: [], unit: "" });
    return { ...base, height, barmode: "overlay", yaxis: { ...base.yaxis, autorange: "reversed" } };
  };

  const views = [];
  const make = (title, id, text, draw) => {
    const box = document.createElement("div");
    box.className = "chart";
    box.id = id;
    const head = document.createElement("h4"), out = document.createElement("output"), drawing = document.createElement("div");
    head.append(Object.assign(document.createElement("span"), { textContent: title }), out);
    drawing.className = "drawing";
    drawing.setAttribute("role", "img");
    drawing.setAttribute("aria-label", text);
    box.append(head, drawing);
    plots.append(box);
    const view = { box, out, drawing, draw, drawn: false, lines: [] };
    for (const kind of ["line", "line mark"]) {
      const line = document.createElement("div");
      line.className = kind;
      line.hidden = true;
      view.lines.push(line);
    }
    views.push(view);
    return view;
  };
  if (data.lanes.length) {
    const view = make("what was going on", "chart-lanes", "phases, steps, faults and what the guard did, over time", () => [laneTraces(), laneLayout()]);
    view.drawing.style.height = `${60 + 26 * data.lanes.length}px`;
  }
  for (const chart of data.charts) {
    const main = chart.series[0];
    const view = make(chart.title, `chart-${chart.id}`, `${chart.title} over time${chart.limits.map((limit) => `, limit ${limit.text}`).join("")}`, () => [traces(chart), layout(chart)]);
    view.chart = chart;
    const note = document.createElement("p");
    note.className = "note";
    note.textContent = main.drawn < main.of ? `${main.drawn} of ${main.of} points are in this page, every peak among them; the recording has all.` : `all ${main.of} points`;
    view.box.append(note);
  }

  const CONFIG = { displaylogo: false, responsive: true, doubleClick: false, displayModeBar: false };
  const draw = (view) => {
    const [drawn, plan] = view.draw();
    const first = !view.drawn;
    view.drawn = true;
    Plotly.react(view.drawing, drawn, plan, CONFIG);
    if (!first) return;
    view.drawing.append(...view.lines);
    view.drawing.on("plotly_relayout", (change) => {
      const from = change["xaxis.range[0]"], to = change["xaxis.range[1]"];
      if (from !== undefined && to !== undefined) show([from, to]);
    });
    view.drawing.addEventListener("mousemove", (event) => {
      const axis = view.drawing._fullLayout.xaxis;
      point(axis.p2d(event.clientX - view.drawing.getBoundingClientRect().left - axis._offset));
    });
    view.drawing.addEventListener("dblclick", () => show(whole));
  };
  const seen = new Set();
  const watcher = new IntersectionObserver((entries) => {
    for (const entry of entries) {
      const view = views.find((one) => one.box === entry.target);
      if (entry.isIntersecting) { seen.add(view); draw(view); place(view); } else seen.delete(view);
    }
  }, { rootMargin: "300px" });
  views.forEach((view) => watcher.observe(view.box));

  const valueAt = (view, t) => {
    const series = view.chart.series[0], at = placeAt(series.t, t);
    return at < 0 || Number.isNaN(series.y[at]) ? null : series.y[at];
  };
  const worded = (chart, value) => value === null ? "unknown" : chart.states.length ? chart.states[value] ?? "unknown" : `${Number(value.toPrecision(6))}${chart.unit ? ` ${chart.unit}` : ""}`;
  const place = (view) => {
    if (!view.drawn || !view.drawing._fullLayout) return;
    const axis = view.drawing._fullLayout.xaxis;
    [state.cursor, state.mark].forEach((t, i) => {
      const inside = t !== null && t >= state.window[0] && t <= state.window[1];
      view.lines[i].hidden = !inside;
      if (inside) view.lines[i].style.left = `${axis.d2p(t) + axis._offset}px`;
    });
    if (!view.chart || state.cursor === null) return;
    const value = valueAt(view, state.cursor), before = state.mark === null ? null : valueAt(view, state.mark);
    const change = value !== null && before !== null && !view.chart.states.length ? ` (Δ ${Number((value - before).toPrecision(6))})` : "";
    view.out.textContent = worded(view.chart, value) + change;
  };
  let link = 0;
  const remember = () => {
    clearTimeout(link);
    // Browsers limit how often an address may change.
    link = setTimeout(() => {
      const at = state.cursor === null ? "" : `&at=${state.cursor.toFixed(6)}`;
      try { history.replaceState(null, "", `#t=${state.window[0].toFixed(6)}..${state.window[1].toFixed(6)}${at}`); } catch { /* a page from a file may be refused */ }
    }, 200);
  };
  const point = (t) => {
    state.cursor = Math.min(Math.max(t, whole[0]), whole[1]);
    const delta = state.mark === null ? "" : `, Δ ${(state.cursor - state.mark).toFixed(6)} s`;
    document.getElementById("cursor").textContent = `${state.cursor.toFixed(6)} s${delta}`;
    seen.forEach(place);
    remember();
  };
  const show = ([from, to]) => {
    const least = 1e-4, middle = (from + to) / 2, half = Math.max(to - from, least) / 2;
    state.window = [Math.max(middle - half, whole[0]), Math.min(middle + half, whole[1])];
    views.filter((view) => view.drawn).forEach((view) => { if (seen.has(view)) { draw(view); place(view); } });
    remember();
  };
  const zoom = (factor) => {
    const centre = state.cursor ?? (state.window[0] + state.window[1]) / 2;
    show([centre - (centre - state.window[0]) * factor, centre + (state.window[1] - centre) * factor]);
  };
  const rawButton = document.getElementById("raw");
  const toggleRaw = () => {
    state.raw = !state.raw;
    rawButton.setAttribute("aria-pressed", String(state.raw));
    show(state.window);
  };
  const mark = () => { state.mark = state.mark === null ? state.cursor : null; if (state.cursor !== null) point(state.cursor); else seen.forEach(place); };
  plots.addEventListener("keydown", (event) => {
    const step = (state.window[1] - state.window[0]) / (event.shiftKey ? 1000 : 100), t = state.cursor ?? state.window[0];
    const actions = {
      ArrowLeft: () => point(t - step), ArrowRight: () => point(t + step), "+": () => zoom(0.5), "-": () => zoom(2), "0": () => show(whole), m: mark, r: toggleRaw,
    };
    if (event.ctrlKey || event.metaKey || event.altKey || !actions[event.key]) return;
    event.preventDefault();
    actions[event.key]();
  });
  rawButton.addEventListener("click", toggleRaw);
  document.getElementById("whole").addEventListener("click", () => show(whole));
  document.getElementById("filter").addEventListener("input", (event) => {
    const wanted = event.target.value.trim().toLowerCase();
    views.forEach((view) => { view.box.hidden = wanted !== "" && view.chart !== undefined && !view.chart.title.toLowerCase().includes(wanted); });
  });
  // `#t=10..14&at=12.3&rule=ceiling`: a window, a cursor, and whose chart to look at.
  const follow = () => {
    const wanted = new URLSearchParams(location.hash.slice(1)), window = (wanted.get("t") || "").split("..").map(Number);
    if (window.length === 2 && window.every(Number.isFinite) && window[0] < window[1]) show(window);
    const at = wanted.get("at");
    if (at !== null && Number.isFinite(Number(at))) point(Number(at));
    const rule = wanted.get("rule");
    if (rule !== null) {
      const view = views.find((one) => one.chart?.broken_s.length && one.chart.kind === "signal" && one.chart.limits.some((limit) => limit.text.startsWith(`${rule} `))) || views.find((one) => one.box.id === `chart-rule-${rule}`);
      (view?.box ?? section).scrollIntoView();
      plots.focus({ preventScroll: true });
    }
  };
  addEventListener("hashchange", follow);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => seen.forEach(draw));
  addEventListener("resize", () => requestAnimationFrame(() => seen.forEach(place)));
  // For tests: what is drawn of a chart now.
  window.checkreinCharts = { state, views, visible };
  if (location.hash.startsWith("#t=")) follow();
})();

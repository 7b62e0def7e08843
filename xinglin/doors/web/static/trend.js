// Draws one result through time from the element's data-trend: {title, unit, low, high, lines: [{name, points: [[time, number]]}]}.

import * as echarts from "./lib/echarts.esm.min.mjs";

const COLOURS = ["#0f766e", "#b45309", "#475569"];
const SYMBOLS = ["circle", "triangle", "rect"];
const sizes = new ResizeObserver((entries) => entries.forEach((entry) => echarts.getInstanceByDom(entry.target)?.resize()));

export function draw(place) {
  if (echarts.getInstanceByDom(place)) return;
  const trend = JSON.parse(place.dataset.trend);
  const chart = echarts.init(place, null, { renderer: "canvas", locale: document.documentElement.lang.startsWith("zh") ? "ZH" : "EN" });
  chart.setOption(option(trend, place.dataset.range));
  sizes.observe(place);
  place.dataset.drawn = "true";
}

function option(trend, rangeName) {
  const { fontFamily, fontSize } = getComputedStyle(document.body);
  const size = Math.round(parseFloat(fontSize) * 0.9);
  const text = { fontFamily, fontSize: size, color: "#3d4a52" };
  return {
    animation: false,
    textStyle: text,
    grid: { left: 12 + 2.6 * size, right: 18, top: trend.lines.length > 1 ? 10 + 2 * size : 16, bottom: 6 + 1.8 * size },
    legend: { show: trend.lines.length > 1, type: "scroll", top: 4, left: 40, right: 12, textStyle: text },
    tooltip: { trigger: "axis", renderMode: "richText", valueFormatter: (value) => `${value ?? ""} ${trend.unit}` },
    xAxis: { type: "time", axisLabel: { hideOverlap: true, color: "#3d4a52", fontSize: size }, axisLine: { lineStyle: { color: "#8b99a1" } } },
    yAxis: { type: "value", scale: true, axisLabel: { color: "#3d4a52", fontSize: size }, splitLine: { lineStyle: { color: "#edf1f3" } } },
    series: trend.lines.map((line, place) => ({
      name: line.name,
      type: "line",
      data: line.points,
      symbol: SYMBOLS[place % SYMBOLS.length],
      symbolSize: line.points.length > 60 ? 3 : 6,
      color: COLOURS[place % COLOURS.length],
      lineStyle: { width: 2, type: place === 1 ? "dashed" : "solid" },
      markArea: place === 0 ? area(trend, rangeName) : undefined,
    })),
  };
}

function area(trend, name) {
  if (trend.low == null && trend.high == null) return undefined;
  return {
    silent: true,
    itemStyle: { color: "rgba(15, 118, 110, .09)" },
    label: { show: true, position: "insideTopRight", color: "#3d4a52", fontSize: size - 1 },
    data: [[{ name, yAxis: trend.low ?? "min" }, { yAxis: trend.high ?? "max" }]],
  };
}

import { describe, expect, test } from "vitest";
import { nearestName, resolveConfig, SETTING_NAMES, SETTINGS } from "../../src/model/config.ts";
import { findPreset, PRESETS } from "../../src/model/presets/index.ts";

describe("settings", () => {
  test("later sources win, and what nobody sets is the default", () => {
    const config = resolveConfig({ dropout: 0.1, cell: "lstm" }, { dropout: "0.5" });
    expect(config).toMatchObject({ dropout: 0.5, cell: "lstm", embedding: SETTINGS.embedding.default });
    expect(Object.keys(config).sort()).toEqual([...SETTING_NAMES].sort());
  });

  test("text becomes numbers only where it is one", () => {
    expect(resolveConfig({ learningRate: "1e-3", hidden: "32" })).toMatchObject({ learningRate: 0.001, hidden: 32 });
    for (const value of ["", " 1", "0x10", "1e", "Infinity", "NaN", "1,5", "12px", null, true, [3], {}]) {
      expect(() => resolveConfig({ hidden: value }), String(value)).toThrow(
        expect.objectContaining({ code: "SETTING_VALUE", exitCode: 2 }),
      );
    }
  });

  test("ranges are closed and whole numbers are whole", () => {
    for (const name of SETTING_NAMES) {
      const setting = SETTINGS[name];
      if (setting.kind !== "integer" && setting.kind !== "number") continue;
      for (const value of [setting.min, setting.max]) {
        expect(resolveConfig({ task: "click", [name]: value })[name]).toBe(value);
      }
      const beyond = setting.kind === "integer" ? 1 : 1e-9 + setting.max * 1e-9;
      expect(() => resolveConfig({ [name]: setting.max + beyond }), name).toThrow(/expected/);
      expect(() => resolveConfig({ [name]: setting.min - 1e-9 }), name).toThrow(/expected/);
    }
  });

  test("an unknown setting is refused, the nearest one is named, and __proto__ is just an unknown name", () => {
    expect(() => resolveConfig({ dropuot: 0.1 })).toThrow(/did you mean "dropout"/);
    const hostile = JSON.parse('{"__proto__": {"dropout": 0.9}}');
    expect(() => resolveConfig(hostile)).toThrow(expect.objectContaining({ code: "SETTING_UNKNOWN" }));
    expect(() => resolveConfig({ constructor: 1 })).toThrow(expect.objectContaining({ code: "SETTING_UNKNOWN" }));
  });

  test("the nearest name is near, or there is none", () => {
    expect(nearestName("gru4rce", ["gru4rec", "lstm"])).toBe("gru4rec");
    expect(nearestName("GRU4REC", ["gru4rec", "lstm"])).toBe("gru4rec");
    expect(nearestName("completely different", ["gru4rec", "lstm"])).toBeUndefined();
    expect(nearestName("x".repeat(1_000_000), ["gru4rec"])).toBeUndefined();
  });
});

test("a loss over unseen items is for rankings without seen items", () => {
  for (const settings of [{ task: "rating" }, { task: "click" }, { seen: "include" }]) {
    expect(() => resolveConfig({ rivals: "unseen" }, settings), JSON.stringify(settings)).toThrow(
      expect.objectContaining({ code: "SETTING_COMBINATION", exitCode: 2 }),
    );
    if ("task" in settings) expect(() => resolveConfig({ rivals: "others" }, settings)).toThrow(/rivals=others/);
    expect(resolveConfig({ rivals: "auto" }, settings).rivals).toBe("auto");
  }
});

describe("presets", () => {
  test("all resolve, have a name of their own and one line of summary", () => {
    expect(new Set(PRESETS.map(({ name }) => name)).size).toBe(PRESETS.length);
    for (const { name, settings, summary } of PRESETS) {
      expect(resolveConfig(settings, { preset: name }).preset).toBe(name);
      expect(summary).toMatch(/^[^\n]{10,100}$/);
    }
  });

  test("an unknown one is refused, and the nearest is named", () => {
    expect(() => findPreset("attentive-gur")).toThrow(/did you mean "attentive-gru"/);
  });
});

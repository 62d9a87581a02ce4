import { UsageError } from "../../errors.ts";
import { nearestName } from "../config.ts";
import { attentiveGru } from "./attentive-gru.ts";
import { attentiveLstm } from "./attentive-lstm.ts";
import { attune } from "./attune.ts";
import { gru4rec } from "./gru4rec.ts";
import { lstm } from "./lstm.ts";
import type { Preset } from "./preset.ts";
import { sasrec } from "./sasrec.ts";

/** All named models; a new one is a file beside these and a row here. The first is the default. */
export const PRESETS: readonly Preset[] = [attune, attentiveGru, attentiveLstm, gru4rec, lstm, sasrec];

const unknownPreset = (name: string, nearest: string | undefined) =>
  new UsageError(
    "PRESET_UNKNOWN",
    `model "${name}": unknown preset${nearest ? `, did you mean "${nearest}"` : ""}. ` +
      `Known presets: ${PRESETS.map((preset) => preset.name).join(", ")}.`,
  );

/**
 * Returns the preset of that name.
 * @throws UsageError `PRESET_UNKNOWN`
 */
export function findPreset(name: string): Preset {
  if (typeof name !== "string") throw unknownPreset(String(name), undefined);
  const preset = PRESETS.find((candidate) => candidate.name === name);
  if (!preset)
    throw unknownPreset(
      name,
      nearestName(
        name,
        PRESETS.map((candidate) => candidate.name),
      ),
    );
  return preset;
}

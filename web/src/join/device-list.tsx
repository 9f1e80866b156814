import { choose, chooseLoudspeaker, chosen } from "./devices";
import { words } from "./words";

/** A labelled list of the devices of one kind. */
export function DeviceList({ kind, devices }: { kind: "camera" | "microphone" | "loudspeaker"; devices: MediaDeviceInfo[] }) {
  const w = words.value;
  const known = chosen[kind].value === "none" || devices.some((each) => each.deviceId === chosen[kind].value);
  const pick = (id: string) => (kind === "loudspeaker" ? chooseLoudspeaker(id) : void choose(kind, id));
  return (
    <label class="field">
      <span>{w[kind]}</span>
      <select value={known ? chosen[kind].value : ""} onChange={(event) => pick(event.currentTarget.value)}>
        <option value="">{w.defaultDevice}</option>
        {devices.filter((each) => each.deviceId).map((each, n) => (
          <option key={each.deviceId} value={each.deviceId}>{each.label || w.unnamed(n + 1)}</option>
        ))}
        {kind !== "loudspeaker" && <option value="none">{kind === "camera" ? w.noCamera : w.noMicrophone}</option>}
      </select>
    </label>
  );
}

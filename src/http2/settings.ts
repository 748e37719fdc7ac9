import { ConnectionError } from "./errors.ts";
import { limits } from "./limits.ts";
import { errorCode, initial, maxFrameBytes, maxInt31, setting } from "./protocol.ts";

const settingBytes = 6;

/**
 * The settings in a frame, in their order: RFC 9113, section 6.5.
 *
 * @throws ConnectionError for a value that is not allowed, or too many
 */
export function* settingsIn(bytes: Buffer, from: number, to: number): Generator<readonly [id: number, value: number]> {
  if ((to - from) % settingBytes !== 0) throw new ConnectionError(errorCode.frameSizeError, "a setting has 6 bytes");
  if ((to - from) / settingBytes > limits.settingsInFrame) {
    throw new ConnectionError(errorCode.enhanceYourCalm, "a frame has too many settings", "control_frames");
  }
  for (let at = from; at < to; at += settingBytes) {
    const id = bytes.readUInt16BE(at);
    const value = bytes.readUInt32BE(at + 2);
    if (id === setting.enablePush && value > 1) {
      throw new ConnectionError(errorCode.protocolError, "ENABLE_PUSH is 0 or 1");
    }
    if (id === setting.maxFrameSize && (value < initial.frameBytes || value > maxFrameBytes)) {
      throw new ConnectionError(errorCode.protocolError, "MAX_FRAME_SIZE is out of range");
    }
    if (id === setting.initialWindowSize && value > maxInt31) {
      throw new ConnectionError(errorCode.flowControlError, "INITIAL_WINDOW_SIZE is too large");
    }
    yield [id, value];
  }
}

import type { Budgets } from "./budgets.ts";
import { ConnectionError } from "./errors.ts";
import type { FrameWriter } from "./frame-writer.ts";
import type { HpackEncoder } from "./hpack/encoder.ts";
import { errorCode, flag, initial, setting } from "./protocol.ts";
import { settingsIn } from "./settings.ts";
import type { StreamTable } from "./stream-table.ts";

/** What settings change of their connection. */
export interface SettingsConnection {
  readonly writer: FrameWriter;
  readonly encoder: HpackEncoder;
  readonly streams: StreamTable;
  readonly budgets: Budgets;
}

/** What the client has set, and whether it knows what the server has: RFC 9113, section 6.5. */
export class PeerSettings {
  /** What the client lets the server send on a new stream. */
  initialWindow: number = initial.windowBytes;
  /** Whether the client has acknowledged the server's SETTINGS. */
  isAcknowledged = false;
  readonly #connection: SettingsConnection;
  #hasChanged = false;

  constructor(connection: SettingsConnection) {
    this.#connection = connection;
  }

  /** Takes a SETTINGS frame. @throws ConnectionError */
  frame(flags: number, streamId: number, bytes: Buffer, from: number, to: number): void {
    if (streamId !== 0) throw new ConnectionError(errorCode.protocolError, "SETTINGS is for the connection");
    if ((flags & flag.ack) === 0) this.#change(bytes, from, to);
    else if (from !== to) throw new ConnectionError(errorCode.frameSizeError, "an ACK has no settings");
    else this.#acknowledge();
  }

  #acknowledge(): void {
    if (this.isAcknowledged) this.#connection.budgets.idleFrame();
    this.isAcknowledged = true;
  }

  #change(bytes: Buffer, from: number, to: number): void {
    const { budgets, writer, encoder } = this.#connection;
    budgets.controlFrame();
    // Few clients change their settings.
    if (this.#hasChanged) budgets.idleFrame();
    this.#hasChanged = true;
    const settings = [...settingsIn(bytes, from, to)];
    // Before what larger windows let the server send.
    writer.settingsAck();
    let window = this.initialWindow;
    for (const [id, value] of settings) {
      // The server sends no longer frames than every client takes, and pushes nothing: other settings do not matter.
      if (id === setting.headerTableSize) encoder.setPeerTableBytes(value);
      else if (id === setting.initialWindowSize) window = value;
    }
    if (window !== this.initialWindow) this.#changeWindows(window);
  }

  /** Section 6.9.2: the windows of all streams change by as much. */
  #changeWindows(bytes: number): void {
    const by = bytes - this.initialWindow;
    this.initialWindow = bytes;
    for (const stream of this.#connection.streams.all) {
      if (!stream.grow(by)) throw new ConnectionError(errorCode.flowControlError, "a window is too large");
    }
  }
}

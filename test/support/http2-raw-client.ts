/** A client over raw HTTP/2, which may do anything. It gives no window back, and acknowledges SETTINGS alone. */
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { type ObservedStream, ReceivedFrames } from "../http2/differential/received-frames.ts";
import { SentBytes } from "../http2/differential/sent-bytes.ts";
import { type Frame, flags, frame, framesIn, frameTypes, preface } from "./http2-frames.ts";
import { until } from "./until.ts";

export interface Goaway {
  readonly lastStream: number;
  readonly code: number;
}

export class RawHttp2Client {
  readonly socket: Socket;
  readonly frames: Frame[] = [];
  isClosed = false;
  readonly #sent = new SentBytes();
  readonly #received = new ReceivedFrames(this.#sent);
  #rest: Buffer = Buffer.alloc(0);

  private constructor(socket: Socket) {
    this.socket = socket;
    const close = () => {
      this.isClosed = true;
    };
    socket
      .on("data", (chunk: Buffer) => this.#read(chunk))
      .on("error", () => {})
      .on("end", close)
      .on("close", close);
  }

  /** Resolves once both sides have sent SETTINGS. @param settings of the client */
  static async connect(port: number, settings: Buffer = Buffer.alloc(0)): Promise<RawHttp2Client> {
    const socket = connect({ host: "127.0.0.1", port, noDelay: true });
    await once(socket, "connect");
    return RawHttp2Client.over(socket, settings);
  }

  /** The same on a connection that is open, as over TLS. */
  static async over(socket: Socket, settings: Buffer = Buffer.alloc(0)): Promise<RawHttp2Client> {
    const client = new RawHttp2Client(socket);
    socket.write(preface.subarray(0, 24));
    client.send(frame("settings", 0, 0, settings));
    await until(() => client.#received.settingsAcks === 1);
    client.send(frame("settings", flags.ack, 0));
    return client;
  }

  get goaways(): Goaway[] {
    return this.framesOf("goAway").map(({ payload }) => ({
      lastStream: payload.readUInt32BE(0),
      code: payload.readUInt32BE(4),
    }));
  }

  get violations(): readonly string[] {
    return this.#received.violations;
  }

  send(...frames: Buffer[]): void {
    const bytes = Buffer.concat(frames);
    this.#sent.add(bytes);
    this.socket.write(bytes);
  }

  framesOf(type: keyof typeof frameTypes, stream?: number): Frame[] {
    return this.frames.filter(
      (one) => one.type === frameTypes[type] && (stream === undefined || one.stream === stream),
    );
  }

  stream(id: number): ObservedStream | undefined {
    return this.#received.streams.get(id);
  }

  #read(chunk: Buffer): void {
    const bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    let at = 0;
    for (const one of framesIn(bytes)) {
      at += 9 + one.payload.length;
      this.frames.push(one);
      this.#received.add(one);
    }
    this.#rest = bytes.subarray(at);
  }
}

/**
 * The cases of h2spec that fail, by the HTTP/2 that serves, with the reason. h2spec tests RFC 7540; RFC 9113 has taken its place.
 */
import type { Http2Layer } from "../../support/http2-layers.ts";

interface KnownFailure {
  /** Why it fails. */
  readonly why: string;
  /** `sometimes` where it depends on what arrives first. */
  readonly when: "always" | "sometimes";
}

const always = (why: string): KnownFailure => ({ why, when: "always" });
const sometimes = (why: string): KnownFailure => ({ why, when: "sometimes" });

const speaksHttp1 = "The port speaks HTTP/1.1 too. It answers 400 in HTTP/1.1 before it closes the connection.";
const ignoresClosed = "Node ignores frames on streams that have closed.";
const answersFirst =
  "The answer does not wait for the body. Once the stream has closed, the rest of the request is ignored, as 8.1 allows.";
const answeredAndClosed = `The answer may close the stream before the frame arrives. ${ignoresClosed}`;
const ignoresPriority = "Node ignores PRIORITY frames, which RFC 9113 deprecates (5.3).";

/** Cases that fail if the answer is sent before their last frame arrives. */
const ifAnsweredFirst = Object.fromEntries(
  [
    "http2/5.1: closed: Sends a DATA frame after sending RST_STREAM frame",
    "http2/5.1: closed: Sends a HEADERS frame after sending RST_STREAM frame",
    "http2/8.1: Sends a second HEADERS frame without the END_STREAM flag",
    "http2/8.1.2.1: Sends a HEADERS frame that contains a pseudo-header field as trailers",
    'http2/8.1.2.6: Sends a HEADERS frame with the "content-length" header field which does not equal the DATA frame payload length',
    'http2/8.1.2.6: Sends a HEADERS frame with the "content-length" header field which does not equal the sum of the multiple DATA frames payload length',
  ].map((name) => [name, sometimes(answersFirst)]),
);

export const knownFailures: Readonly<Record<Http2Layer, Readonly<Record<string, KnownFailure>>>> = {
  own: {
    ...ifAnsweredFirst,
    "http2/3.5: Sends invalid connection preface": always(speaksHttp1),
  },
  node: {
    ...ifAnsweredFirst,
    "http2/3.5: Sends invalid connection preface": always(speaksHttp1),
    "http2/5.1: closed: Sends a DATA frame after sending RST_STREAM frame": always(ignoresClosed),
    "http2/5.1: closed: Sends a HEADERS frame after sending RST_STREAM frame": always(ignoresClosed),
    "http2/5.1: closed: Sends a DATA frame": always(ignoresClosed),
    "http2/5.1: closed: Sends a HEADERS frame": always(ignoresClosed),
    "http2/5.1.1: Sends stream identifier that is numerically smaller than previous": always(ignoresClosed),
    "http2/5.3.1: Sends PRIORITY frame that depend on itself": always(ignoresPriority),
    "http2/6.3: Sends a PRIORITY frame with 0x0 stream identifier": always(ignoresPriority),
    "http2/6.7: Sends a PING frame with ACK": always("Node closes the connection: it has sent no such PING."),
    "http2/6.9.1: Sends multiple WINDOW_UPDATE frames increasing the flow control window to above 2^31-1 on a stream":
      always("Node closes the connection instead of the stream."),
    "http2/5.1: half closed (remote): Sends a DATA frame": sometimes(answeredAndClosed),
    "http2/5.1: half closed (remote): Sends a HEADERS frame": sometimes(answeredAndClosed),
    'http2/6.1: Sends a DATA frame on the stream that is not in "open" or "half-closed (local)" state':
      sometimes(answeredAndClosed),
    "http2/6.1: Sends a DATA frame with invalid pad length": sometimes(answeredAndClosed),
  },
};

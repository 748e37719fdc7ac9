package rollcall.scenarios;

/** The answer differs from the expected one; the message says where. */
final class Mismatch extends Exception {
  private static final long serialVersionUID = 1L;

  Mismatch(String why) {
    super(why);
  }
}

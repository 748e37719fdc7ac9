package rollcall.scenarios;

/** What came is not what the step expects; the message says where. */
final class Mismatch extends Exception {
  private static final long serialVersionUID = 1L;

  Mismatch(String why) {
    super(why);
  }
}

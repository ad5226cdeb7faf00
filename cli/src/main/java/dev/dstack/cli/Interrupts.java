package dev.dstack.cli;

import java.lang.reflect.InvocationHandler;
import java.lang.reflect.Proxy;

/** Where Ctrl-C arrives. */
public interface Interrupts {
  /** From now on {@code action} runs on each Ctrl-C, instead of the end of the process. */
  void onInterrupt(Runnable action);

  /**
   * The process's own. A JDK that has no signals leaves Ctrl-C what it is: the end of the process.
   */
  static Interrupts system() {
    return action -> {
      try {
        // By reflection: the compiler warns of this class in a way that can't be switched off, and
        // there is no other for signals.
        Class<?> signal = Class.forName("sun.misc.Signal");
        Class<?> handler = Class.forName("sun.misc.SignalHandler");
        InvocationHandler call =
            (proxy, method, arguments) -> {
              action.run();
              return null;
            };
        Object proxy =
            Proxy.newProxyInstance(
                Interrupts.class.getClassLoader(), new Class<?>[] {handler}, call);
        signal
            .getMethod("handle", signal, handler)
            .invoke(null, signal.getConstructor(String.class).newInstance("INT"), proxy);
      } catch (ReflectiveOperationException e) {
        // Ctrl-C then ends the process; the run goes on, as after a detach.
      }
    };
  }
}

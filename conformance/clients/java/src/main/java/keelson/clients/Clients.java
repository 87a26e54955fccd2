package keelson.clients;

import io.fabric8.kubernetes.client.KubernetesClientBuilder;
import java.util.Map;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * Tries a Kubernetes API server through fabric8's client. The server is the kubeconfig's, any server; it needs no node
 * and no controllers. A line is printed for each case, and the exit code is 0 only if all of them pass.
 */
public final class Clients {
  /** Longer than this no case takes, on whatever machine, in seconds. */
  private static final long PATIENCE = 60;

  private Clients() {}

  public static void main(String[] args) throws Exception {
    String only = args.length > 0 ? args[0] : "";
    AtomicInteger failed = new AtomicInteger();
    try (var client = new KubernetesClientBuilder().build()) {
      World world = World.make(client);
      var threads = Executors.newCachedThreadPool();
      for (Map.Entry<String, Clients.Case> one : Cases.all().entrySet()) {
        if (!one.getKey().contains(only)) {
          continue;
        }
        Future<?> running = threads.submit(() -> {
          one.getValue().run(world);
          return null;
        });
        try {
          running.get(PATIENCE, TimeUnit.SECONDS);
          System.out.println("ok " + one.getKey());
        } catch (Exception error) {
          failed.incrementAndGet();
          Throwable cause = error.getCause() == null ? error : error.getCause();
          System.out.println("FAILED " + one.getKey() + ": " + cause.toString().replace("\n", " / "));
        }
      }
      threads.shutdownNow();
      world.remove();
    }
    System.exit(failed.get() > 0 ? 1 : 0);
  }

  /** What a program does with a server. */
  interface Case {
    void run(World world) throws Exception;
  }
}

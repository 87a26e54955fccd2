package keelson.clients;

import static keelson.clients.World.check;
import static keelson.clients.World.eventually;
import static keelson.clients.World.refused;

import io.fabric8.kubernetes.api.model.ConfigMap;
import io.fabric8.kubernetes.api.model.ConfigMapBuilder;
import io.fabric8.kubernetes.api.model.ConfigMapList;
import io.fabric8.kubernetes.api.model.GenericKubernetesResource;
import io.fabric8.kubernetes.api.model.IntOrString;
import io.fabric8.kubernetes.api.model.ListOptions;
import io.fabric8.kubernetes.api.model.ListOptionsBuilder;
import io.fabric8.kubernetes.api.model.PodBuilder;
import io.fabric8.kubernetes.api.model.ServiceAccountBuilder;
import io.fabric8.kubernetes.api.model.apps.Deployment;
import io.fabric8.kubernetes.api.model.authentication.TokenRequest;
import io.fabric8.kubernetes.api.model.authentication.TokenRequestBuilder;
import io.fabric8.kubernetes.api.model.policy.v1.PodDisruptionBudgetBuilder;
import io.fabric8.kubernetes.client.KubernetesClientException;
import io.fabric8.kubernetes.client.Watcher;
import io.fabric8.kubernetes.client.WatcherException;
import io.fabric8.kubernetes.client.dsl.base.PatchContext;
import io.fabric8.kubernetes.client.dsl.base.PatchType;
import io.fabric8.kubernetes.client.informers.ResourceEventHandler;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.LinkedBlockingQueue;

/** The cases: what programs do with a server through this client. */
final class Cases {
  private Cases() {}

  static Map<String, Clients.Case> all() {
    Map<String, Clients.Case> all = new LinkedHashMap<>();
    all.put("crud", Cases::crud);
    all.put("pages", Cases::pages);
    all.put("patches", Cases::patches);
    all.put("apply", Cases::apply);
    all.put("scale", Cases::scale);
    all.put("eviction", Cases::eviction);
    all.put("token", Cases::token);
    all.put("without-nodes", Cases::withoutNodes);
    all.put("discovery", Cases::discovery);
    all.put("generic", Cases::generic);
    all.put("watch-resume", Cases::watchResume);
    all.put("watch-gone", Cases::watchGone);
    all.put("informer", Cases::informer);
    return all;
  }

  private static void crud(World w) throws Exception {
    ConfigMap made = w.configMap("crud", "crud", Map.of("a", "1"));
    check(made.getMetadata().getUid() != null && made.getMetadata().getResourceVersion() != null, made);
    refused(409, () -> w.configMap("crud", "crud", Map.of()));
    ConfigMap changed = w.maps().resource(new ConfigMapBuilder(made).withData(Map.of("a", "2")).build()).update();
    check(!changed.getMetadata().getResourceVersion().equals(made.getMetadata().getResourceVersion()), changed);
    refused(409, () -> w.maps().resource(new ConfigMapBuilder(made).withData(Map.of("a", "3")).build())
        .lockResourceVersion(made.getMetadata().getResourceVersion()).update());
    ConfigMap edited = w.maps().withName("crud").edit(map -> new ConfigMapBuilder(map).addToData("b", "1").build());
    check(edited.getData().equals(Map.of("a", "2", "b", "1")), edited.getData());
    w.maps().withName("crud").delete();
    check(w.maps().withName("crud").get() == null, "it is still there");
  }

  private static void pages(World w) throws Exception {
    for (int number = 0; number < 25; number++) {
      w.configMap(String.format("pages-%03d", number), "pages", Map.of());
    }
    List<String> names = new ArrayList<>();
    String token = null;
    String revision = null;
    do {
      ListOptions options = new ListOptionsBuilder().withLabelSelector("case=pages").withLimit(10L).withContinue(token).build();
      ConfigMapList page = w.maps().list(options);
      page.getItems().forEach(item -> names.add(item.getMetadata().getName()));
      if (revision == null) {
        revision = page.getMetadata().getResourceVersion();
        w.configMap("pages-999", "pages", Map.of()); // Pages are of one revision: what comes later is not seen.
      }
      check(revision.equals(page.getMetadata().getResourceVersion()), "pages of several revisions");
      token = page.getMetadata().getContinue();
    } while (token != null && !token.isEmpty());
    check(names.size() == 25 && names.get(24).equals("pages-024"), names);
    refused(400, () -> w.maps().list(new ListOptionsBuilder().withLimit(1L).withContinue("no token").build()));
  }

  private static List<String> images(Deployment deployment) {
    return deployment.getSpec().getTemplate().getSpec().getContainers().stream().map(one -> one.getImage()).toList();
  }

  private static void patches(World w) throws Exception {
    w.deployment("patches");
    var target = w.client.apps().deployments().inNamespace(w.namespace).withName("patches");
    String containers = "{\"spec\":{\"template\":{\"spec\":{\"containers\":[{\"name\":\"web\",\"image\":\"%s\"}]}}}}";
    Deployment left = target.patch(PatchContext.of(PatchType.STRATEGIC_MERGE), String.format(containers, "web:2"));
    check(images(left).equals(List.of("web:2", "side:1")), images(left));
    left = target.patch(PatchContext.of(PatchType.JSON_MERGE), String.format(containers, "web:3"));
    check(images(left).equals(List.of("web:3")), images(left));
    String operations = "[{\"op\":\"test\",\"path\":\"/spec/replicas\",\"value\":%d},"
        + "{\"op\":\"replace\",\"path\":\"/spec/template/spec/containers/0/image\",\"value\":\"web:4\"}]";
    left = target.patch(PatchContext.of(PatchType.JSON), String.format(operations, 0));
    check(images(left).equals(List.of("web:4")), images(left));
    refused(422, () -> target.patch(PatchContext.of(PatchType.JSON), String.format(operations, 7)));
  }

  private static ConfigMap applyAs(World w, String manager, boolean force, Map<String, String> data) {
    ConfigMap wanted = new ConfigMapBuilder().withNewMetadata().withName("apply").endMetadata().withData(data).build();
    var target = w.maps().resource(wanted).fieldManager(manager);
    return force ? target.forceConflicts().serverSideApply() : target.serverSideApply();
  }

  private static void apply(World w) throws Exception {
    applyAs(w, "one", false, Map.of("a", "1", "b", "1"));
    KubernetesClientException conflict = refused(409, () -> applyAs(w, "two", false, Map.of("a", "2")));
    check(conflict.getStatus().getDetails().getCauses().get(0).getField().equals(".data.a"), conflict.getStatus());
    applyAs(w, "two", true, Map.of("a", "2"));
    ConfigMap left = applyAs(w, "one", false, Map.of());
    check(left.getData().equals(Map.of("a", "2")), left.getData());
  }

  private static void scale(World w) {
    w.deployment("scale");
    var target = w.client.apps().deployments().inNamespace(w.namespace).withName("scale");
    check(target.scale().getStatus().getSelector().equals("app=scale"), target.scale());
    var scale = target.scale();
    scale.getSpec().setReplicas(1);
    check(target.scale(scale).getSpec().getReplicas() == 1, "not scaled");
    check(target.get().getSpec().getReplicas() == 1 && target.get().getMetadata().getGeneration() == 2, target.get());
  }

  private static void eviction(World w) throws Exception {
    w.pod("eviction");
    var pod = w.client.pods().inNamespace(w.namespace).withName("eviction");
    // What only waits for a node may always be evicted; this one runs.
    pod.editStatus(one -> new PodBuilder(one).editStatus().withPhase("Running").endStatus().build());
    var budgets = w.client.policy().v1().podDisruptionBudget().inNamespace(w.namespace);
    budgets.resource(new PodDisruptionBudgetBuilder().withNewMetadata().withName("eviction").endMetadata().withNewSpec()
        .withMinAvailable(new IntOrString(1)).withNewSelector().addToMatchLabels("case", "eviction").endSelector().endSpec().build()).create();
    check(!pod.evict(), "evicted against the budget");
    budgets.withName("eviction").delete();
    check(pod.evict(), "not evicted");
    check(pod.get() == null, "it is still there");
  }

  private static void token(World w) {
    var accounts = w.client.serviceAccounts().inNamespace(w.namespace);
    accounts.resource(new ServiceAccountBuilder().withNewMetadata().withName("token").endMetadata().build()).create();
    TokenRequest issued = accounts.withName("token")
        .tokenRequest(new TokenRequestBuilder().withNewSpec().withAudiences("elsewhere").withExpirationSeconds(3600L).endSpec().build());
    check(issued.getStatus().getToken().split("\\.").length == 3, issued.getStatus());
  }

  private static void withoutNodes(World w) throws Exception {
    w.pod("without-nodes");
    var pods = w.client.pods().inNamespace(w.namespace);
    // What never ran has said nothing.
    String log = pods.withName("without-nodes").getLog();
    check(log == null || log.isEmpty(), log);
    try (var exec = pods.withName("without-nodes").redirectingOutput().exec("true")) {
      exec.exitCode().get();
      throw new AssertionError("a command on no node");
    } catch (KubernetesClientException | java.util.concurrent.ExecutionException error) {
      check(String.valueOf(error).contains("does not have a host assigned"), error);
    }
  }

  private static void discovery(World w) {
    check(w.client.getApiGroups().getGroups().size() >= 20, w.client.getApiGroups());
    var deployments = w.client.getApiResources("apps/v1").getResources().stream().filter(one -> one.getName().equals("deployments"));
    check(deployments.findFirst().orElseThrow().getShortNames().equals(List.of("deploy")), "no deploy");
    check(w.client.supports(Deployment.class) && w.client.getKubernetesVersion().getMajor().equals("1"), "version");
  }

  private static void generic(World w) {
    w.deployment("generic");
    var deployments = w.client.genericKubernetesResources("apps/v1", "Deployment").inNamespace(w.namespace);
    GenericKubernetesResource read = deployments.withName("generic").get();
    check("Always".equals(read.get("spec", "template", "spec", "restartPolicy")), read);
    check(deployments.withLabel("case", "generic").list().getItems().size() == 1, "not listed");
  }

  /** What a watch tells, one by one; an end of it is an event as well. */
  private static BlockingQueue<String> watch(World w, ListOptions options, List<AutoCloseable> open) {
    BlockingQueue<String> told = new LinkedBlockingQueue<>();
    open.add(w.maps().watch(options, new Watcher<ConfigMap>() {
      @Override
      public void eventReceived(Action action, ConfigMap map) {
        told.add(action + " " + map.getData().get("value") + " " + map.getMetadata().getResourceVersion());
      }

      @Override
      public void onClose(WatcherException cause) {
        told.add("ENDED " + (cause.isHttpGone() ? "gone" : cause));
      }
    }));
    return told;
  }

  private static void watchResume(World w) throws Exception {
    ConfigMap first = w.configMap("watch-resume", "watch-resume", Map.of("value", "0"));
    for (String value : List.of("1", "2", "3")) {
      w.maps().withName("watch-resume").edit(map -> new ConfigMapBuilder(map).withData(Map.of("value", value)).build());
    }
    String revision = first.getMetadata().getResourceVersion();
    for (String value : List.of("1", "2", "3")) {
      List<AutoCloseable> open = new ArrayList<>();
      ListOptions options = new ListOptionsBuilder().withLabelSelector("case=watch-resume").withResourceVersion(revision).build();
      String[] event = watch(w, options, open).take().split(" ");
      check(event[0].equals("MODIFIED") && event[1].equals(value), String.join(" ", event));
      revision = event[2];
      open.get(0).close();
    }
  }

  /** Nobody has the first revision any more: whoever asks for it is told. */
  private static void watchGone(World w) throws Exception {
    List<AutoCloseable> open = new ArrayList<>();
    String event = watch(w, new ListOptionsBuilder().withResourceVersion("1").build(), open).take();
    check(event.equals("ENDED gone"), event);
    open.get(0).close();
  }

  private static void informer(World w) throws Exception {
    w.configMap("informer-a", "informer", Map.of());
    var told = new ConcurrentLinkedQueue<String>();
    try (var informer = w.maps().withLabel("case", "informer").inform(new ResourceEventHandler<ConfigMap>() {
      @Override
      public void onAdd(ConfigMap map) {
        told.add("add " + map.getMetadata().getName());
      }

      @Override
      public void onUpdate(ConfigMap old, ConfigMap map) {
        told.add("update " + map.getMetadata().getName());
      }

      @Override
      public void onDelete(ConfigMap map, boolean isUnknown) {
        told.add("delete " + map.getMetadata().getName());
      }
    })) {
      eventually(() -> told.contains("add informer-a"));
      w.configMap("informer-b", "informer", Map.of());
      eventually(() -> told.contains("add informer-b"));
      w.maps().withName("informer-b").edit(map -> new ConfigMapBuilder(map).addToData("a", "1").build());
      eventually(() -> told.contains("update informer-b"));
      w.maps().withName("informer-a").delete();
      eventually(() -> told.contains("delete informer-a"));
      check(informer.getStore().list().size() == 1, informer.getStore().list());
    }
  }
}

package keelson.clients;

import io.fabric8.kubernetes.api.model.ConfigMap;
import io.fabric8.kubernetes.api.model.ConfigMapBuilder;
import io.fabric8.kubernetes.api.model.ConfigMapList;
import io.fabric8.kubernetes.api.model.Namespace;
import io.fabric8.kubernetes.api.model.NamespaceBuilder;
import io.fabric8.kubernetes.api.model.Pod;
import io.fabric8.kubernetes.api.model.PodBuilder;
import io.fabric8.kubernetes.api.model.ServiceAccountBuilder;
import io.fabric8.kubernetes.api.model.apps.Deployment;
import io.fabric8.kubernetes.api.model.apps.DeploymentBuilder;
import io.fabric8.kubernetes.client.KubernetesClient;
import io.fabric8.kubernetes.client.KubernetesClientException;
import io.fabric8.kubernetes.client.dsl.NonNamespaceOperation;
import io.fabric8.kubernetes.client.dsl.Resource;
import io.fabric8.kubernetes.client.utils.Serialization;
import java.util.Map;
import java.util.concurrent.Callable;

/** A namespace of a server, and the client that reaches it. */
final class World {
  final KubernetesClient client;
  final String namespace;

  private World(KubernetesClient client, String namespace) {
    this.client = client;
    this.namespace = namespace;
  }

  static World make(KubernetesClient client) {
    Namespace wanted = new NamespaceBuilder().withNewMetadata().withGenerateName("clients-java-").endMetadata().build();
    World world = new World(client, client.resource(wanted).create().getMetadata().getName());
    // Pods need one, and a server without controllers makes none.
    var account = new ServiceAccountBuilder().withNewMetadata().withName("default").endMetadata().build();
    try {
      client.serviceAccounts().inNamespace(world.namespace).resource(account).create();
    } catch (KubernetesClientException error) {
      if (error.getCode() != 409) {
        throw error;
      }
    }
    return world;
  }

  NonNamespaceOperation<ConfigMap, ConfigMapList, Resource<ConfigMap>> maps() {
    return client.configMaps().inNamespace(namespace);
  }

  /** Makes one, labelled with its case. */
  ConfigMap configMap(String name, String label, Map<String, String> data) {
    return maps().resource(new ConfigMapBuilder().withNewMetadata().withName(name).addToLabels("case", label).endMetadata()
        .withData(data).build()).create();
  }

  Deployment deployment(String name) {
    return client.apps().deployments().inNamespace(namespace).resource(new DeploymentBuilder()
        .withNewMetadata().withName(name).addToLabels("case", name).endMetadata()
        .withNewSpec().withReplicas(0).withNewSelector().addToMatchLabels("app", name).endSelector()
        .withNewTemplate().withNewMetadata().addToLabels("app", name).endMetadata()
        .withNewSpec().addNewContainer().withName("web").withImage("web:1").endContainer()
        .addNewContainer().withName("side").withImage("side:1").endContainer().endSpec().endTemplate().endSpec()
        .build()).create();
  }

  /** Makes one that no scheduler takes. */
  Pod pod(String name) {
    return client.pods().inNamespace(namespace).resource(new PodBuilder()
        .withNewMetadata().withName(name).addToLabels("case", name).endMetadata()
        .withNewSpec().withSchedulerName("nobody").addNewContainer().withName("main").withImage("image:1").endContainer()
        .endSpec().build()).create();
  }

  /**
   * Takes everything away that cases have left. Where no controller looks after namespaces that go, it says itself that
   * nothing is left in there.
   */
  void remove() throws Exception {
    maps().delete();
    client.pods().inNamespace(namespace).withGracePeriod(0).delete();
    client.apps().deployments().inNamespace(namespace).delete();
    client.policy().v1().podDisruptionBudget().inNamespace(namespace).delete();
    client.serviceAccounts().inNamespace(namespace).delete();
    client.namespaces().withName(namespace).delete();
    String path = "/api/v1/namespaces/" + namespace + "/finalize";
    eventually(() -> {
      Namespace left = client.namespaces().withName(namespace).get();
      if (left == null) {
        return true;
      }
      left.getSpec().getFinalizers().clear();
      try {
        client.raw(path, "PUT", Serialization.asJson(left));
      } catch (KubernetesClientException error) {
        if (error.getCode() != 404 && error.getCode() != 409) {
          throw error;
        }
      }
      return false;
    });
  }

  /** Looks again until it finds what it looks for; who waits too long is ended from outside. */
  static void eventually(Callable<Boolean> look) throws Exception {
    while (!look.call()) {
      Thread.sleep(10);
    }
  }

  /** The call has to be refused with this code. */
  static KubernetesClientException refused(int code, Callable<?> call) throws Exception {
    Object answer;
    try {
      answer = call.call();
    } catch (KubernetesClientException error) {
      check(error.getCode() == code, "refused with " + error.getCode() + " instead of " + code + ": " + error.getMessage());
      return error;
    }
    throw new AssertionError("went well, and should be refused with " + code + ": " + answer);
  }

  static void check(boolean holds, Object otherwise) {
    if (!holds) {
      throw new AssertionError(String.valueOf(otherwise));
    }
  }
}

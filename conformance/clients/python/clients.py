"""Tries a Kubernetes API server through the Python client: the generated API, its streams and its dynamic client.

The server is the kubeconfig's, any server; it needs no node and no controllers. A line is printed for each case, and the
exit code is 0 only if all of them pass.
"""

import json
import sys
import threading
import time
import traceback
from concurrent.futures import ThreadPoolExecutor

import urllib3
from kubernetes import client, config
from kubernetes.client.exceptions import ApiException

# Longer than this nothing takes, on whatever machine.
PATIENCE = 60
# As many cases run at a time: most of what they do is to wait.
TOGETHER = 4


class World:
    """A namespace of a server, and the clients that reach it."""

    def __init__(self):
        settings = client.Configuration()
        config.load_kube_config(client_configuration=settings)
        settings.retries = False
        if not settings.verify_ssl:
            urllib3.disable_warnings()
        self.api = client.ApiClient(settings)
        self.core = client.CoreV1Api(self.api)
        self.apps = client.AppsV1Api(self.api)
        self.policy = client.PolicyV1Api(self.api)
        meta = client.V1ObjectMeta(generate_name="clients-python-")
        self.namespace = self.core.create_namespace(client.V1Namespace(metadata=meta)).metadata.name
        # Pods need one, and a server without controllers makes none.
        accepts(409, self.core.create_namespaced_service_account, self.namespace, {"metadata": {"name": "default"}})

    def ask(self, method, path, body=None, accept="application/json"):
        """What no generated method can ask: gives the status and the answer."""
        headers = {"Accept": accept, "Content-Type": "application/json"}
        asked = self.api.param_serialize(method, path, header_params=headers, body=body, auth_settings=["BearerToken"])
        answer = self.api.call_api(*asked)
        return answer.status, json.loads(answer.read())

    def config_map(self, name, data=None, labels=None):
        """Makes one. It is labelled with its case, its name if nothing else is said."""
        meta = client.V1ObjectMeta(name=name, labels=labels or {"case": name})
        return self.core.create_namespaced_config_map(self.namespace, client.V1ConfigMap(metadata=meta, data=data))

    def pod(self, name):
        """Makes one that no scheduler takes."""
        spec = client.V1PodSpec(scheduler_name="nobody", containers=[client.V1Container(name="main", image="image:1")])
        meta = client.V1ObjectMeta(name=name, labels={"case": name})
        return self.core.create_namespaced_pod(self.namespace, client.V1Pod(metadata=meta, spec=spec))

    def deployment(self, name):
        labels = {"app": name}
        containers = [client.V1Container(name="web", image="web:1"), client.V1Container(name="side", image="side:1")]
        return self.apps.create_namespaced_deployment(
            self.namespace,
            client.V1Deployment(
                metadata=client.V1ObjectMeta(name=name, labels={"case": name}),
                spec=client.V1DeploymentSpec(
                    replicas=0,
                    selector=client.V1LabelSelector(match_labels=labels),
                    template=client.V1PodTemplateSpec(
                        metadata=client.V1ObjectMeta(labels=labels), spec=client.V1PodSpec(containers=containers)
                    ),
                ),
            ),
        )

    def remove(self):
        """Takes everything away that cases have left.

        Where no controller looks after namespaces that go, it says itself that nothing is left in there.
        """
        for delete in (
            self.core.delete_collection_namespaced_config_map,
            self.core.delete_collection_namespaced_pod,
            self.core.delete_collection_namespaced_secret,
            self.core.delete_collection_namespaced_service_account,
            self.apps.delete_collection_namespaced_deployment,
            self.policy.delete_collection_namespaced_pod_disruption_budget,
        ):
            delete(self.namespace, grace_period_seconds=0)
        self.core.delete_namespace(self.namespace)
        eventually(self.finalize, "the namespace is still there")

    def finalize(self):
        """Whether it is gone. If not, nothing holds it any more."""
        try:
            namespace = self.core.read_namespace(self.namespace)
            namespace.spec.finalizers = []
            self.core.replace_namespace_finalize(self.namespace, namespace)
        except ApiException as error:
            if error.status == 404:
                return True
            if error.status != 409:
                raise
        return False


def refused(status, reason, call, *args, **kwargs):
    """The call has to be refused with this status and reason. Gives what else was said."""
    try:
        answer = call(*args, **kwargs)
    except ApiException as error:
        assert error.status == status, f"refused with {error.status} instead of {status}: {error.body}"
        assert reason is None or f'"reason":"{reason}"' in str(error.body).replace('": "', '":"'), f"no {reason}: {error.body}"
        return error
    raise AssertionError(f"went well, and should be refused with {status}: {answer}")


def accepts(status, call, *args, **kwargs):
    """Makes the call, and takes this refusal for an answer."""
    try:
        return call(*args, **kwargs)
    except ApiException as error:
        if error.status != status:
            raise
        return None


def eventually(look, what):
    """Looks again until it finds what it looks for."""
    end = time.monotonic() + PATIENCE
    while not look():
        assert time.monotonic() < end, what
        time.sleep(0.01)


def run_all(cases):
    world = World()
    lock = threading.Lock()
    failed = []

    def run(case):
        name = case.__name__.replace("_", "-")
        try:
            case(world)
            line = f"ok {name}"
        except BaseException as error:
            failed.append(name)
            where = traceback.extract_tb(error.__traceback__)[-1]
            why = str(error).replace("\n", " / ") or type(error).__name__
            line = f"FAILED {name}: {why} ({where.name}, line {where.lineno})"
        with lock:
            print(line, flush=True)

    with ThreadPoolExecutor(TOGETHER) as pool:
        list(pool.map(run, cases))
    world.remove()
    return 1 if failed else 0


def main():
    import cases

    only = sys.argv[1] if len(sys.argv) > 1 else ""
    chosen = [case for case in cases.ALL if only in case.__name__.replace("_", "-")]
    return run_all(chosen)


if __name__ == "__main__":
    # The cases import this file under its own name.
    from clients import main as entry

    sys.exit(entry())

"""Volumes where a cluster has no storage class: folders of this machine, if it is the node."""

import json
import os
import pathlib
import shutil
import tempfile

from kube import run


class Volumes:
    """Persistent volumes for `count` claims, gone with what is on them when the `with` ends; `values` for the chart."""

    def __init__(self, count, local):
        self.count, self.local, self.made = count, local, []
        self.root = None

    def __enter__(self):
        classes = json.loads(run("kubectl", "get", "storageclasses", "-o", "json"))["items"]
        if classes:
            self.values = {"enabled": True, "size": "1Gi", "whenDeleted": "Delete", "whenScaled": "Retain"}
        elif self.local:
            self.make()
            self.values = {"enabled": True, "size": "1Gi", "storageClassName": "", "whenDeleted": "Delete"}
        else:
            self.values = {"enabled": False}
        return self

    def make(self):
        self.root = pathlib.Path(tempfile.mkdtemp(prefix="self-trader-volumes-"))
        self.root.chmod(0o755)
        for number in range(self.count):
            folder, name = self.root / str(number), f"self-trader-test-{os.getpid()}-{number}"
            folder.mkdir()
            folder.chmod(0o777)
            spec = {
                "capacity": {"storage": "1Gi"},
                "accessModes": ["ReadWriteOnce"],
                "persistentVolumeReclaimPolicy": "Retain",
                "hostPath": {"path": str(folder), "type": "Directory"},
            }
            volume = {"apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": name}, "spec": spec}
            run("kubectl", "apply", "-f", "-", given=json.dumps(volume))
            self.made.append(name)

    def labels(self):
        """The labels of each volume that has any; none where the volumes are not this machine's."""
        files = [folder / "labels.jsonl" for folder in sorted(self.root.iterdir())] if self.root else []
        return [[json.loads(line) for line in file.open()] for file in files if file.exists()]

    def __exit__(self, *_):
        if self.made:
            run("kubectl", "delete", "persistentvolume", *self.made, "--wait=false", may_fail=True)
        if self.root:
            shutil.rmtree(self.root, ignore_errors=True)

"""What a job names travels to another machine: models, samples, operators, metrics, families."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from hw_templates.cfu import load_families
from runners.executors.parcels import Parcel, pack
from tests.cfu.test_add_a_family import _FILE, PAGE
from tests.executors.test_executor import a_job


def test_files_are_there_again_wherever_they_were_and_whatever_their_names(tmp_path: Path) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    for name in ("a/net.tflite", "b/net.tflite", "samples/x.bin", "samples/y_labels.csv", "m.py"):
        (here / name).parent.mkdir(parents=True, exist_ok=True)
        (here / name).write_text(name)
    job = a_job()
    job = replace(
        job,
        workload=replace(
            job.workload,
            model=here / "a/net.tflite",
            samples=here / "samples",
            operator_folders=(here / "b",),
        ),
        metric_files=(str(here / "m.py"),),
        families=("a.module.that.is.installed",),
    )
    packed, parcel = pack(job)
    shutil.rmtree(here)
    found = parcel.unpack(packed, there)

    assert found.workload.model.read_text() == "a/net.tflite"
    assert found.workload.model.name == "net.tflite"  # the firmware tells it
    assert found.workload.samples is not None
    assert sorted(path.name for path in found.workload.samples.iterdir()) == [
        "x.bin",
        "y_labels.csv",
    ]
    assert (found.workload.operator_folders[0] / "net.tflite").read_text() == "b/net.tflite"
    assert Path(found.metric_files[0]).read_text() == "m.py"
    assert found.families == job.families
    assert str(here) not in repr(found)
    assert parcel.unpack(packed, there) == found  # written once
    assert [path.name for path in there.iterdir()] == [parcel.digest]


def test_the_same_files_are_the_same_parcel_and_other_contents_another(tmp_path: Path) -> None:
    job = a_job()
    model = tmp_path / "net.tflite"
    job = replace(job, workload=replace(job.workload, model=model))
    model.write_bytes(b"one")
    first, again = pack(job)[1].digest, pack(job)[1].digest
    model.write_bytes(b"two")
    assert first == again != pack(job)[1].digest


def test_a_family_takes_its_hardware_and_kernels_with_it(tmp_path: Path) -> None:
    here = tmp_path / "here"
    for name, text in _FILE.findall(PAGE.read_text()):
        (here / name).parent.mkdir(parents=True, exist_ok=True)
        (here / name).write_text(text)
    (here / "unrelated.txt").write_text("a home folder has much more")
    (here / "net.tflite").write_bytes(b"net")
    job = a_job()
    job = replace(
        job,
        workload=replace(job.workload, model=here / "net.tflite"),
        families=(str(here / "dotter.py"),),
    )
    packed, parcel = pack(job)
    assert not any("unrelated" in name for name in parcel.files)
    shutil.rmtree(here)

    found = parcel.unpack(packed, tmp_path / "there")
    family = load_families(found.families).named("dotter")
    assert "module" in str(family.verilog({"lanes": 2}))
    assert family.kernels is not None
    assert any(family.kernels.folder.iterdir())


def test_a_parcel_writes_nothing_outside_of_its_folder(tmp_path: Path) -> None:
    parcel = Parcel(files={"0/../../escaped": b"x"}, digest="d")
    with pytest.raises(ValueError, match="a file of a job is called"):
        parcel.unpack(a_job(), tmp_path / "there")
    assert not (tmp_path / "escaped").exists()

"""A small data set for nnU-Net: two organs that look alike, one on the left, one on the right."""

import json
from pathlib import Path

import numpy as np

SIZE = (20, 20, 36)
LABELS = {"background": 0, "left": 1, "right": 2}


def image_of(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Return a volume with a ball in each half, and its labels."""
    volume, labels = rng.normal(0, 0.3, SIZE).astype("float32"), np.zeros(SIZE, "uint8")
    pixels = np.stack(np.meshgrid(*map(np.arange, SIZE), indexing="ij"))
    for label, low in ((1, 5), (2, 22)):
        center = np.array([*rng.integers(6, 14, 2), rng.integers(low, low + 9)])
        ball = ((pixels - center[:, None, None, None]) ** 2).sum(0) < 14
        volume[ball] += 3
        labels[ball] = label
    return volume, labels


def prepare(folder: Path, cases: int = 5) -> Path:
    """Write the data set, its plans and the preprocessed cases, in this process only."""
    import SimpleITK
    from nnunetv2.experiment_planning.plan_and_preprocess_api import plan_experiments
    from nnunetv2.utilities.plans_handling.plans_handler import PlansManager

    name, rng = "Dataset001_Sides", np.random.default_rng(0)
    raw, preprocessed = folder / "raw" / name, folder / "preprocessed" / name
    for path in (raw / "imagesTr", raw / "labelsTr", preprocessed, folder / "results"):
        path.mkdir(parents=True)
    for case in range(cases):
        volume, labels = map(SimpleITK.GetImageFromArray, image_of(rng))
        SimpleITK.WriteImage(volume, raw / "imagesTr" / f"case{case}_0000.nii.gz")
        SimpleITK.WriteImage(labels, raw / "labelsTr" / f"case{case}.nii.gz")
    data = {"channel_names": {"0": "other"}, "labels": LABELS, "file_ending": ".nii.gz"}
    write(raw / "dataset.json", data | {"numTraining": cases})
    write(preprocessed / "dataset.json", data | {"numTraining": cases})
    numbers = dict.fromkeys(["max", "mean", "median", "min"], 1.0)
    numbers |= dict.fromkeys(["percentile_00_5", "percentile_99_5", "std"], 1.0)
    fingerprint = {
        "spacings": [[1.0, 1.0, 1.0]] * cases,
        "shapes_after_crop": [list(SIZE)] * cases,
        "foreground_intensity_properties_per_channel": {"0": numbers},
        "median_relative_size_after_cropping": 1.0,
    }
    write(preprocessed / "dataset_fingerprint.json", fingerprint)
    plan_experiments([1])
    plans = json.loads((preprocessed / "nnUNetPlans.json").read_text())
    shrink(plans["configurations"]["3d_fullres"])
    write(preprocessed / "nnUNetPlans.json", plans)
    manager = PlansManager(plans)
    configuration = manager.get_configuration("3d_fullres")
    out = preprocessed / configuration.data_identifier
    out.mkdir()
    for case in range(cases):
        configuration.preprocessor_class(verbose=False).run_case_save(
            str(out / f"case{case}"),
            [str(raw / "imagesTr" / f"case{case}_0000.nii.gz")],
            str(raw / "labelsTr" / f"case{case}.nii.gz"),
            manager,
            configuration,
            data,
        )
    return preprocessed


def shrink(configuration: dict) -> None:
    """Plan a small network for patches that show one half at most."""
    configuration |= {"batch_size": 2, "patch_size": [12, 12, 16]}
    sizes = configuration["architecture"]["arch_kwargs"]
    sizes |= {"features_per_stage": [8] * 3, "n_conv_per_stage": [1] * 3}
    sizes |= {"n_conv_per_stage_decoder": [1] * 2}


def write(path: Path, content: dict) -> None:
    path.write_text(json.dumps(content))

"""ImageNet's classes against torchvision's and timm's lists."""

from decanet.models.imagenet import imagenet_categories, wordnet_numbers


def test_names_are_torchvisions_and_all_different() -> None:
    from torchvision.models import ResNet18_Weights

    assert imagenet_categories() == ResNet18_Weights.IMAGENET1K_V1.meta["categories"]
    assert len(set(imagenet_categories())) == 1000


def test_wordnet_numbers_are_timms_in_sorted_order() -> None:
    from timm.data import ImageNetInfo

    assert wordnet_numbers() == ImageNetInfo().label_names() == sorted(wordnet_numbers())

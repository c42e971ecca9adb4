"""xattn: a laboratory for cross-attention in JAX.

The names below are imported when they are first used, so that `import xattn` loads no JAX.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from xattn.alignment.maps import AttentionMap
    from xattn.attention import (
        KeyValue,
        Mask,
        ScoreBias,
        alibi_slopes,
        attention_weights,
        bidirectional_cross_attention,
        cross_attention,
        cross_attention_with_aux,
        explain,
        merge,
        prepare_memory,
        ring_attention,
    )
    from xattn.config import Experiment
    from xattn.nn.attention import CrossAttention
    from xattn.runs.folder import open_run
    from xattn.translation.translator import Translator
    from xattn.viewing.notebook import mimebundle
    from xattn.viewing.page import Page

    __version__: str

__all__ = [
    "AttentionMap",
    "CrossAttention",
    "Experiment",
    "KeyValue",
    "Mask",
    "Page",
    "ScoreBias",
    "Translator",
    "__version__",
    "alibi_slopes",
    "attention_weights",
    "bidirectional_cross_attention",
    "cross_attention",
    "cross_attention_with_aux",
    "explain",
    "merge",
    "mimebundle",
    "open_run",
    "prepare_memory",
    "ring_attention",
]

_MODULES = {
    "AttentionMap": "xattn.alignment.maps",
    "CrossAttention": "xattn.nn.attention",
    "Experiment": "xattn.config",
    "KeyValue": "xattn.attention",
    "Mask": "xattn.attention",
    "Page": "xattn.viewing.page",
    "ScoreBias": "xattn.attention",
    "Translator": "xattn.translation.translator",
    "alibi_slopes": "xattn.attention",
    "attention_weights": "xattn.attention",
    "bidirectional_cross_attention": "xattn.attention",
    "cross_attention": "xattn.attention",
    "cross_attention_with_aux": "xattn.attention",
    "explain": "xattn.attention",
    "mimebundle": "xattn.viewing.notebook",
    "merge": "xattn.attention",
    "open_run": "xattn.runs.folder",
    "prepare_memory": "xattn.attention",
    "ring_attention": "xattn.attention",
}


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from xattn.version import version

        value = version()
    elif name in _MODULES:
        import importlib

        value = getattr(importlib.import_module(_MODULES[name]), name)
    else:
        from xattn.errors import nearest

        raise AttributeError(f"module 'xattn' has no attribute {name!r}.{nearest(name, __all__)}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})

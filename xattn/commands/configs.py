"""`xattn configs`: the configs that come with the package."""


def configs() -> int:
    """Lists the configs that come with the package, each with a line about it; `xattn train NAME` trains one."""
    from xattn.config.packaged import packaged

    lines = packaged()
    width = max(map(len, lines))
    for name, line in lines.items():
        print(f"{name:{width}}  {line}")
    return 0

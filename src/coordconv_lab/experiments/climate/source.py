"""The data files of climate, their version and license."""

from coordconv_lab.packaged_data import PackagedData

ELEVATION = "itur/data/1511/v1_topo_0dot5.npz"
MONTHS = tuple(f"itur/data/1510/v1_t_month{month:02}.npz" for month in range(1, 13))

_DIGESTS = (
    "42f0e7893643bcc082e583e5ab48c82638b698391dd4f494dc80ece7e4cda235",
    "a99f6b7d09fea367c7c74d0b2dc487c1a5bb454445d513e2f071a26b47dbabb8",
    "4091f1af31e0b9a6207dfe630b203a29d0860b0675e775a06e26f9a784621f9a",
    "4c742f2a709dc77cbc22d7493b4360718b17fe061da25d3dca6c8c415e408c04",
    "b9f91f1171faeb7905a605a88eb6453567e1137d48304fbb5fd0cae95495737e",
    "19f0d4b33518bff580367c5e1229cd3b111417b573dbd4bf66819d92d254ddb5",
    "1295bde082da8f59d41a73c7ea8ab18da0926b30de5a3efbc40482e0a79f6931",
    "de929dcb989b4f42b27118837d1f2e7375629c6734963249ca1f54eac074479c",
    "bf37f60a00fda2311a77c2b53cf1e6bab738a5185b5ca850ee83c3bd8a797435",
    "aae829ac75ee64fa7c6868a4a96241125394022653f032e7fa795edb83bfaec8",
    "6cc65b8ac14d1b0af5f9d098d478705911d118672eefe5934738dee9be8fb14c",
    "2926c708e02c369b970c94e146af9b534ce262e3062889625055101a0549c27b",
)

SOURCE = PackagedData(
    package="itur",
    version="0.4.0",
    licence=(
        "itur is MIT; its maps are from the Recommendations ITU-R P.1510-1 (temperature) and "
        "P.1511-1 (elevation)"
    ),
    extra="climate",
    files={
        ELEVATION: "aff56d4a369f545bf7de8f9249d9ae95e1e5064578e8aa38315ca768cc31c6fa",
        **dict(zip(MONTHS, _DIGESTS, strict=True)),
    },
)
"""Mean temperature of each month every 0.75 degrees, and elevation every half degree."""

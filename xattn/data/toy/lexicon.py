"""The words of the toy language pair: one line a lemma, each with exactly one translation.

Meaning is kept sane by one-letter kinds. A noun has one kind; adjectives and verbs say which kinds they go
with, so that soups are hot, foxes are quick and nobody eats a hospital::

    p person      v vehicle   c clothing    h door, window   b public building     f food, counted
    a animal      o object    k container   u furniture      g place one is in     m food, as a mass
    n story, song r book, letter            e tree, bridge   w place one is at     d drink

In a table, "_" stands for a space in a cell and "-" for an empty cell.
"""

from dataclasses import dataclass
from functools import cache

from xattn.data.toy.french import plural

KINDS = "pavocrnkhuebgwfmd"
MASS = "md"  # no plural, no "a": bread, water
OWNED = "pavocrnkhugfmd"  # what one may call "my"


@dataclass(frozen=True, kw_only=True, eq=False)
class Noun:
    """A noun: English singular and plural (empty where it is not used), French singular and gender."""

    kind: str
    one: str
    many: str
    french: str
    gender: str


@dataclass(frozen=True, kw_only=True, eq=False)
class Adjective:
    """An adjective: its place in the noun phrase, the kinds it may stand before and those it may be said of.

    `slot` is "pre" (before the French noun) or "quality", "colour", "origin": the English order, which French
    mirrors after the noun. `masculine` may hold a form before a vowel ("beau/bel"), which only an adjective
    before its noun takes. `said_of` is "=" where it equals `attributive`. `very` is empty where "very" does
    not go with it.
    """

    english: str
    slot: str
    masculine: str
    feminine: str
    attributive: str
    said_of: str
    very: str

    @property
    def predicative(self) -> str:
        """The kinds it may be said of, after "is"."""
        return self.attributive if self.said_of == "=" else self.said_of

    def french(self, gender: str, is_plural: bool) -> str:
        """Agrees with a noun.

        >>> beautiful = next(adjective for adjective in ADJECTIVES if adjective.english == "beautiful")
        >>> beautiful.french("m", False), beautiful.french("m", True), beautiful.french("f", True)
        ('beau/bel', 'beaux', 'belles')
        """
        word = self.feminine if gender == "f" else self.masculine
        return plural(word.partition("/")[0]) if is_plural else word


@dataclass(frozen=True, kw_only=True, eq=False)
class Verb:
    """A verb: English forms, French infinitive, what may act and be acted on, and marks.

    `past` or `gerund` is empty where the form is left out. `auxiliary` is avoir or être, or "state" for
    "sits", which French says as être + `french`. Marks: dative (to somebody), à and dans (a preposition in
    French only), optional (the object), stative (no adverb, no place), generic ("likes cats" is "aime les
    chats"), no relative ("que le roi a a vu"), to (a place, needed); and what may follow: manner, well, for
    somebody, from, at, on furniture.
    """

    base: str
    third: str
    past: str
    gerund: str
    french: str
    auxiliary: str
    subjects: str
    objects: str
    marks: frozenset[str]


def _rows(table: str) -> list[dict[str, str]]:
    """Reads a table whose first line names its columns."""
    header, *lines = (line.split() for line in table.strip().splitlines())
    rows = [["" if cell == "-" else cell.replace("_", " ") for cell in line] for line in lines]
    return [dict(zip(header, row, strict=True)) for row in rows]


# An English noun for people of both sexes is masculine.
NOUNS = tuple(
    Noun(**row)
    for row in _rows("""
kind one        many         french     gender
p    man        men          homme      m
p    woman      women        femme      f
p    boy        boys         garçon     m
p    girl       girls        fille      f
p    child      children     enfant     m
p    friend     friends      ami        m
p    neighbour  neighbours   voisin     m
p    student    students     étudiant   m
p    teacher    teachers     professeur m
p    doctor     doctors      médecin    m
p    singer     singers      chanteur   m
p    baker      bakers       boulanger  m
p    farmer     farmers      fermier    m
p    king       kings        roi        m
p    queen      queens       reine      f
p    hero       heroes       *héros     m
p    mother     -            mère       f
p    father     -            père       m
p    sister     sisters      sœur       f
p    brother    brothers     frère      m
a    fox        foxes        renard     m
a    cat        cats         chat       m
a    dog        dogs         chien      m
a    bird       birds        oiseau     m
a    horse      horses       cheval     m
a    mouse      mice         souris     f
a    cow        cows         vache      f
a    owl        owls         *hibou     m
a    bear       bears        ours       m
a    wolf       wolves       loup       m
a    rabbit     rabbits      lapin      m
a    duck       ducks        canard     m
a    donkey     donkeys      âne        m
a    elephant   elephants    éléphant   m
a    frog       frogs        grenouille f
v    car        cars         voiture    f
v    train      trains       train      m
v    bike       bikes        vélo       m
v    boat       boats        bateau     m
v    plane      planes       avion      m
v    truck      trucks       camion     m
o    clock      clocks       horloge    f
o    lamp       lamps        lampe      f
o    phone      phones       téléphone  m
o    computer   computers    ordinateur m
o    key        keys         clé        f
o    umbrella   umbrellas    parapluie  m
o    gift       gifts        cadeau     m
o    guitar     guitars      guitare    f
c    hat        hats         chapeau    m
c    coat       coats        manteau    m
c    dress      dresses      robe       f
c    shirt      shirts       chemise    f
c    shoe       shoes        chaussure  f
r    book       books        livre      m
r    letter     letters      lettre     f
n    story      stories      histoire   f
n    song       songs        chanson    f
k    box        boxes        boîte      f
k    bag        bags         sac        m
k    bottle     bottles      bouteille  f
k    basket     baskets      panier     m
h    door       doors        porte      f
h    window     windows      fenêtre    f
u    table      tables       table      f
u    chair      chairs       chaise     f
u    bed        beds         lit        m
u    armchair   armchairs    fauteuil   m
e    tree       trees        arbre      m
e    bridge     bridges      pont       m
b    school     schools      école      f
b    church     churches     église     f
b    hotel      hotels       hôtel      m
b    hospital   hospitals    hôpital    m
b    station    stations     gare       f
b    restaurant restaurants  restaurant m
b    museum     museums      musée      m
b    castle     castles      château    m
b    shop       shops        magasin    m
b    office     offices      bureau     m
b    park       parks        parc       m
g    garden     gardens      jardin     m
g    kitchen    kitchens     cuisine    f
g    bedroom    bedrooms     chambre    f
g    house      houses       maison     f
g    street     streets      rue        f
g    forest     forests      forêt      f
g    village    villages     village    m
g    city       cities       ville      f
w    market     markets      marché     m
w    beach      beaches      plage      f
f    apple      apples       pomme      f
f    egg        eggs         œuf        m
f    cake       cakes        gâteau     m
f    pear       pears        poire      f
f    carrot     carrots      carotte    f
f    tomato     tomatoes     tomate     f
f    strawberry strawberries fraise     f
f    sandwich   sandwiches   sandwich   m
m    bread      -            pain       m
m    cheese     -            fromage    m
m    ice_cream  -            glace      f
m    soup       -            soupe      f
m    meat       -            viande     f
m    fish       -            poisson    m
m    rice       -            riz        m
m    chocolate  -            chocolat   m
d    water      -            eau        f
d    milk       -            lait       m
d    coffee     -            café       m
d    tea        -            thé        m
d    wine       -            vin        m
d    beer       -            bière      f
""")
)

ADJECTIVES = tuple(
    Adjective(**row)
    for row in _rows("""
english     slot    masculine      feminine     attributive    said_of very
small       pre     petit          petite       pavocrkhuebgwf =       very
big         pre     grand          grande       avkhuebgw      =       very
huge        pre     énorme         énorme       avokuebgf      =       -
fat         pre     gros           grosse       a              =       very
young       pre     jeune          jeune        pa             =       very
old         pre     vieux/vieil    vieille      pavocrnkhuebg  =       very
new         pre     nouveau/nouvel nouvelle     vocrnkhubg     -       -
beautiful   pre     beau/bel       belle        pavocrnuebgw   =       very
lovely      pre     joli           jolie        ockhubgw       =       very
good        pre     bon            bonne        prnfmd         rnfmd   very
bad         pre     mauvais        mauvaise     prnfmd         rnfmd   very
excellent   pre     excellent      excellente   prnf           rnfmd   -
quick       quality rapide         rapide       av             =       very
happy       quality heureux        heureuse     pa             =       very
sad         quality triste         triste       parn           =       very
tired       quality fatigué        fatiguée     pa             =       very
sick        quality malade         malade       pa             =       very
strong      quality fort           forte        pa             =       very
hungry      quality affamé         affamée      pa             -       -
intelligent quality intelligent    intelligente pa             =       very
curious     quality curieux        curieuse     pa             =       very
lazy        quality paresseux      paresseuse   pa             =       very
brave       quality courageux      courageuse   pa             =       very
shy         quality timide         timide       pa             =       very
rich        quality riche          riche        p              =       very
famous      quality célèbre        célèbre      pbrnwe         =       very
polite      quality poli           polie        p              =       very
dangerous   quality dangereux      dangereuse   ave            =       very
wild        quality sauvage        sauvage      a              -       -
clean       quality propre         propre       vckhubgw       =       very
dirty       quality sale           sale         avckhubgw      =       very
empty       quality vide           vide         kbgw           =       -
broken      quality cassé          cassée       okhu           =       -
expensive   quality cher           chère        vocu           =       very
modern      quality moderne        moderne      vub            =       very
comfortable quality confortable    confortable  uc             =       very
heavy       quality lourd          lourde       kou            =       very
cold        quality froid          froide       md             =       very
hot         quality chaud          chaude       d              =       very
delicious   quality délicieux      délicieuse   fmd            =       -
interesting quality intéressant    intéressante rn             =       very
strange     quality étrange        étrange      paornbe        =       very
red         colour  rouge          rouge        vockhuf        =       -
blue        colour  bleu           bleue        vockhu         =       -
green       colour  vert           verte        vockhuf        =       -
yellow      colour  jaune          jaune        vockhuf        =       -
black       colour  noir           noire        avockhu        =       -
white       colour  blanc          blanche      avockhu        =       -
grey        colour  gris           grise        avockhu        =       -
brown       colour  brun           brune        avockhu        =       -
french      origin  français       française    pvcrnbfmd      =       -
italian     origin  italien        italienne    pvcrnbfmd      =       -
""")
)

VERBS = tuple(
    Verb(**{**row, "marks": frozenset(row["marks"].split(","))})
    for row in _rows("""
base     third     past       gerund      french     auxiliary subjects objects         marks
eat      eats      ate        eating      manger     avoir     pa       fm              optional,manner
drink    drinks    drank      drinking    boire      avoir     p        d               manner
see      sees      saw        seeing      voir       avoir     pa       pavockrhufbgew  -
watch    watches   watched    watching    regarder   avoir     pa       pav             manner
look_for looks_for looked_for looking_for chercher   avoir     pa       pavockrf        -
find     finds     found      finding     trouver    avoir     pa       pavockrf        -
hear     hears     heard      hearing     entendre   avoir     pa       pavn            -
follow   follows   followed   following   suivre     avoir     pa       pav             manner
wait_for waits_for waited_for waiting_for attendre   avoir     p        pv              -
help     helps     helped     helping     aider      avoir     p        p               -
call     calls     called     calling     appeler    avoir     p        pa              -
protect  protects  protected  protecting  protéger   avoir     pa       pa              -
feed     feeds     fed        feeding     nourrir    avoir     p        a               -
chase    chases    chased     chasing     poursuivre avoir     a        pa              -
catch    catches   caught     catching    attraper   avoir     pa       a               -
wash     washes    washed     washing     laver      avoir     p        avck            manner
clean    cleans    cleaned    cleaning    nettoyer   avoir     p        vkhubg          manner
repair   repairs   repaired   repairing   réparer    avoir     p        vouh            manner
break    breaks    broke      breaking    casser     avoir     p        okuh            -
build    builds    built      building    construire avoir     p        vb              -
open     opens     opened     opening     ouvrir     avoir     p        kh              manner
close    closes    closed     closing     fermer     avoir     p        kh              manner
fill     fills     filled     filling     remplir    avoir     p        k               manner
buy      buys      bought     buying      acheter    avoir     p        vockrufmd       for
sell     sells     sold       selling     vendre     avoir     p        vockrufmd       -
choose   chooses   chose      choosing    choisir    avoir     p        vockrnufmd      for
prepare  prepares  prepared   preparing   préparer   avoir     p        fm              for
wear     wears     wore       wearing     porter     avoir     p        c               -
take     takes     took       taking      prendre    avoir     p        ockrf           -
hide     hides     hid        hiding      cacher     avoir     p        ock             -
lose     loses     lost       losing      perdre     avoir     p        ock             -
read     reads     -          reading     lire       avoir     p        rn              optional
write    writes    wrote      writing     écrire     avoir     p        rn              optional,for
finish   finishes  finished   finishing   finir      avoir     p        rnf             -
visit    visits    visited    visiting    visiter    avoir     p        bw              -
give     gives     gave       giving      donner     avoir     p        ockrfmd         dative
show     shows     showed     showing     montrer    avoir     p        avockr          dative
bring    brings    brought    bringing    apporter   avoir     p        ockrufmd        dative
talk     talks     talked     talking     parler     avoir     p        -               dative
obey     obeys     obeyed     obeying     obéir      avoir     p        p               à
know     knows     -          -           connaître  avoir     p        pb              stative
like     likes     -          -           aimer      avoir     p        pavockrnubgwfmd stative,generic
love     loves     -          -           adorer     avoir     p        pavockrnubgwfmd stative,generic
hate     hates     -          -           détester   avoir     p        pavockrnubgwfmd stative,generic
want     wants     -          -           vouloir    avoir     p        avockrufmd      stative
have     has       -          -           avoir      avoir     p        avockrufmd      stative,no_relative
sleep    sleeps    slept      sleeping    dormir     avoir     pa       -               well,on
sing     sings     sang       singing     chanter    avoir     p        -               well,on
dance    dances    danced     dancing     danser     avoir     p        -               well,on
work     works     worked     working     travailler avoir     p        -               well
swim     swims     swam       swimming    nager      avoir     pa       -               well
walk     walks     walked     walking     marcher    avoir     pa       -               manner
run      runs      ran        running     courir     avoir     pa       -               -
play     plays     played     playing     jouer      avoir     pa       -               on
think    thinks    thought    thinking    réfléchir  avoir     p        -               manner
cry      cries     cried      crying      pleurer    avoir     p        -               -
laugh    laughs    laughed    laughing    rire       avoir     p        -               -
smile    smiles    smiled     smiling     sourire    avoir     p        -               -
arrive   arrives   arrived    arriving    arriver    être      pav      -               at
leave    leaves    left       leaving     partir     être      pav      -               manner
come     comes     came       coming      venir      être      pa       -               from
return   returns   returned   returning   revenir    être      pa       -               from
go       goes      went       going       aller      être      pa       -               to
go_out   goes_out  went_out   going_out   sortir     être      pa       -               -
fall     falls     fell       falling     tomber     être      pa       -               on
stay     stays     stayed     staying     rester     être      pa       -               on
enter    enters    entered    entering    entrer     être      pa       bg              dans
sit      sits      -          -           assis      state     pa       -               on
stand    stands    -          -           debout     state     p        -               on
""")
)

# What cannot be said together of one thing, besides two sizes or two colours.
CONTRARIES = frozenset(
    {
        frozenset(pair.split())
        for pair in (
            "clean dirty",
            "happy sad",
            "hot cold",
            "bad delicious",
            "brave shy",
            "brave lazy",
            "rich hungry",
        )
    }
)
# Nouns with "of": the kinds that may follow.
OF = {"mother": "p", "father": "p", "sister": "p", "brother": "p", "friend": "p", "door": "b", "window": "b"}
# "my man", "my girl" would not mean what the words say.
NOT_OWNED = frozenset({"man", "woman", "boy", "girl"})


@cache
def pairs() -> tuple[tuple[str, str], ...]:
    """Lists every (adjective, noun) that the grammar may put together, in the order of the lexicon."""
    return tuple((a.english, n.one) for a in ADJECTIVES for n in NOUNS if n.kind in a.attributive + a.predicative)

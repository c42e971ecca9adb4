"""The words of the toy languages: one line per lemma, with one translation into French and one into Hindi.

One-letter kinds exclude nonsense. A noun has one kind; adjectives and verbs list the kinds that they go with, so that
nobody eats a hospital::

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
OWNED = "pavocrnkhugfmd"  # may follow "my"


@dataclass(frozen=True, kw_only=True, eq=False)
class Noun:
    """A noun: English singular and plural (empty if it is not used), French and Hindi singular and gender."""

    kind: str
    one: str
    many: str
    french: str
    gender: str
    hindi: str
    hindi_gender: str


@dataclass(frozen=True, kw_only=True, eq=False)
class Adjective:
    """An adjective: its slot in the noun phrase, the kinds it may stand before and those it may be said of.

    `slot` is "pre" (before the French noun) or "quality", "colour", "origin": the English order, which French
    mirrors after the noun. `masculine` may hold a form before a vowel ("beau/bel"), which only an adjective
    before its noun takes; `hindi` may hold another word for lifeless things ("बूढ़ा/पुराना"). `said_of` is "=" if
    it equals `attributive`. `very` is empty if "very" may not precede the adjective.
    """

    english: str
    slot: str
    masculine: str
    feminine: str
    attributive: str
    said_of: str
    very: str
    hindi: str

    @property
    def predicative(self) -> str:
        """The kinds that it may be said of, after "is"."""
        return self.attributive if self.said_of == "=" else self.said_of

    def french(self, gender: str, is_plural: bool) -> str:
        """Returns the French form that agrees with a noun.

        >>> beautiful = next(adjective for adjective in ADJECTIVES if adjective.english == "beautiful")
        >>> beautiful.french("m", False), beautiful.french("m", True), beautiful.french("f", True)
        ('beau/bel', 'beaux', 'belles')
        """
        word = self.feminine if gender == "f" else self.masculine
        return plural(word.partition("/")[0]) if is_plural else word


@dataclass(frozen=True, kw_only=True, eq=False)
class Verb:
    """A verb: English forms, French infinitive, kinds of subject and object, and marks.

    `past` or `gerund` is empty if the form is not used. `auxiliary` is avoir or être, or "state" for "sits", which is
    être + `french` in French. Marks: dative (takes a recipient), à and dans (a preposition in French only), optional
    (its object), stative (no adverb, no place), generic ("likes cats" is "aime les chats"), no relative ("que le roi a
    a vu"), to (needs a goal); and optional adjuncts: manner, well, for (a person), from, at, on (furniture).

    `hindi` is the stem, after a noun with its gender ("मदद/f कर") or an adjective ("साफ कर"); for a state, the word
    before है. `agent` is the postposition of the subject: ने in the past only; को, or के (पास), in any tense. `marker`
    is the postposition of the recipient, or of the object if there is no recipient: 0 for none, empty for को with
    living objects.
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
    hindi: str
    agent: str
    marker: str


def _rows(table: str) -> list[dict[str, str]]:
    """Reads a table whose first line names its columns."""
    header, *lines = (line.split() for line in table.strip().splitlines())
    rows = [["" if cell == "-" else cell.replace("_", " ") for cell in line] for line in lines]
    return [dict(zip(header, row, strict=True)) for row in rows]


# An English noun for people of both sexes is masculine.
NOUNS = tuple(
    Noun(**row)
    for row in _rows("""
kind one        many         french     gender hindi hindi_gender
p    man        men          homme      m आदमी m
p    woman      women        femme      f औरत f
p    boy        boys         garçon     m लड़का m
p    girl       girls        fille      f लड़की f
p    child      children     enfant     m बच्चा m
p    friend     friends      ami        m दोस्त m
p    neighbour  neighbours   voisin     m पड़ोसी m
p    student    students     étudiant   m छात्र m
p    teacher    teachers     professeur m शिक्षक m
p    doctor     doctors      médecin    m डॉक्टर m
p    singer     singers      chanteur   m गायक m
p    baker      bakers       boulanger  m नानबाई m
p    farmer     farmers      fermier    m किसान m
p    king       kings        roi        m *राजा m
p    queen      queens       reine      f रानी f
p    hero       heroes       *héros     m नायक m
p    mother     -            mère       f *माँ f
p    father     -            père       m *पिता m
p    sister     sisters      sœur       f बहन f
p    brother    brothers     frère      m भाई m
a    fox        foxes        renard     m लोमड़ी f
a    cat        cats         chat       m बिल्ली f
a    dog        dogs         chien      m कुत्ता m
a    bird       birds        oiseau     m चिड़िया f
a    horse      horses       cheval     m घोड़ा m
a    mouse      mice         souris     f चूहा m
a    cow        cows         vache      f गाय f
a    owl        owls         *hibou     m उल्लू m
a    bear       bears        ours       m भालू m
a    wolf       wolves       loup       m भेड़िया m
a    rabbit     rabbits      lapin      m ख़रगोश m
a    duck       ducks        canard     m बत्तख़ f
a    donkey     donkeys      âne        m गधा m
a    elephant   elephants    éléphant   m हाथी m
a    frog       frogs        grenouille f मेंढक m
v    car        cars         voiture    f कार f
v    train      trains       train      m रेलगाड़ी f
v    bike       bikes        vélo       m साइकिल f
v    boat       boats        bateau     m नाव f
v    plane      planes       avion      m विमान m
v    truck      trucks       camion     m ट्रक m
o    clock      clocks       horloge    f घड़ी f
o    lamp       lamps        lampe      f दीपक m
o    phone      phones       téléphone  m फ़ोन m
o    computer   computers    ordinateur m कंप्यूटर m
o    key        keys         clé        f चाबी f
o    umbrella   umbrellas    parapluie  m छाता m
o    gift       gifts        cadeau     m उपहार m
o    guitar     guitars      guitare    f गिटार m
c    hat        hats         chapeau    m टोपी f
c    coat       coats        manteau    m कोट m
c    dress      dresses      robe       f पोशाक f
c    shirt      shirts       chemise    f क़मीज़ f
c    shoe       shoes        chaussure  f जूता m
r    book       books        livre      m किताब f
r    letter     letters      lettre     f चिट्ठी f
n    story      stories      histoire   f कहानी f
n    song       songs        chanson    f गीत m
k    box        boxes        boîte      f डिब्बा m
k    bag        bags         sac        m थैला m
k    bottle     bottles      bouteille  f बोतल f
k    basket     baskets      panier     m टोकरी f
h    door       doors        porte      f दरवाज़ा m
h    window     windows      fenêtre    f खिड़की f
u    table      tables       table      f मेज़ f
u    chair      chairs       chaise     f कुर्सी f
u    bed        beds         lit        m पलंग m
u    armchair   armchairs    fauteuil   m आरामकुर्सी f
e    tree       trees        arbre      m पेड़ m
e    bridge     bridges      pont       m पुल m
b    school     schools      école      f स्कूल m
b    church     churches     église     f गिरजाघर m
b    hotel      hotels       hôtel      m होटल m
b    hospital   hospitals    hôpital    m अस्पताल m
b    station    stations     gare       f स्टेशन m
b    restaurant restaurants  restaurant m भोजनालय m
b    museum     museums      musée      m संग्रहालय m
b    castle     castles      château    m क़िला m
b    shop       shops        magasin    m दुकान f
b    office     offices      bureau     m दफ़्तर m
b    park       parks        parc       m पार्क m
g    garden     gardens      jardin     m बगीचा m
g    kitchen    kitchens     cuisine    f रसोई f
g    bedroom    bedrooms     chambre    f शयनकक्ष m
g    house      houses       maison     f घर m
g    street     streets      rue        f सड़क f
g    forest     forests      forêt      f जंगल m
g    village    villages     village    m गाँव m
g    city       cities       ville      f शहर m
w    market     markets      marché     m बाज़ार m
w    beach      beaches      plage      f समुद्र_तट m
f    apple      apples       pomme      f सेब m
f    egg        eggs         œuf        m अंडा m
f    cake       cakes        gâteau     m केक m
f    pear       pears        poire      f नाशपाती f
f    carrot     carrots      carotte    f गाजर f
f    tomato     tomatoes     tomate     f टमाटर m
f    strawberry strawberries fraise     f स्ट्रॉबेरी f
f    sandwich   sandwiches   sandwich   m सैंडविच m
m    bread      -            pain       m रोटी f
m    cheese     -            fromage    m पनीर m
m    ice_cream  -            glace      f आइसक्रीम f
m    soup       -            soupe      f सूप m
m    meat       -            viande     f मांस m
m    fish       -            poisson    m मछली f
m    rice       -            riz        m चावल m
m    chocolate  -            chocolat   m चॉकलेट f
d    water      -            eau        f पानी m
d    milk       -            lait       m दूध m
d    coffee     -            café       m कॉफ़ी f
d    tea        -            thé        m चाय f
d    wine       -            vin        m वाइन f
d    beer       -            bière      f बियर f
""")
)

ADJECTIVES = tuple(
    Adjective(**row)
    for row in _rows("""
english     slot    masculine      feminine     attributive    said_of very hindi
small       pre     petit          petite       pavocrkhuebgwf =       very छोटा
big         pre     grand          grande       avkhuebgw      =       very बड़ा
huge        pre     énorme         énorme       avokuebgf      =       - विशाल
fat         pre     gros           grosse       a              =       very मोटा
young       pre     jeune          jeune        pa             =       very जवान
old         pre     vieux/vieil    vieille      pavocrnkhuebg  =       very बूढ़ा/पुराना
new         pre     nouveau/nouvel nouvelle     vocrnkhubg     -       - नया
beautiful   pre     beau/bel       belle        pavocrnuebgw   =       very सुंदर
lovely      pre     joli           jolie        ockhubgw       =       very प्यारा
good        pre     bon            bonne        prnfmd         rnfmd   very अच्छा
bad         pre     mauvais        mauvaise     prnfmd         rnfmd   very बुरा/ख़राब
excellent   pre     excellent      excellente   prnf           rnfmd   - उत्कृष्ट
quick       quality rapide         rapide       av             =       very तेज़
happy       quality heureux        heureuse     pa             =       very ख़ुश
sad         quality triste         triste       parn           =       very उदास/दुखद
tired       quality fatigué        fatiguée     pa             =       very थका
sick        quality malade         malade       pa             =       very बीमार
strong      quality fort           forte        pa             =       very मज़बूत
hungry      quality affamé         affamée      pa             -       - भूखा
intelligent quality intelligent    intelligente pa             =       very बुद्धिमान
curious     quality curieux        curieuse     pa             =       very जिज्ञासु
lazy        quality paresseux      paresseuse   pa             =       very आलसी
brave       quality courageux      courageuse   pa             =       very बहादुर
shy         quality timide         timide       pa             =       very शर्मीला
rich        quality riche          riche        p              =       very अमीर
famous      quality célèbre        célèbre      pbrnwe         =       very मशहूर
polite      quality poli           polie        p              =       very विनम्र
dangerous   quality dangereux      dangereuse   ave            =       very ख़तरनाक
wild        quality sauvage        sauvage      a              -       - जंगली
clean       quality propre         propre       vckhubgw       =       very साफ़
dirty       quality sale           sale         avckhubgw      =       very गंदा
empty       quality vide           vide         kbgw           =       - ख़ाली
broken      quality cassé          cassée       okhu           =       - टूटा
expensive   quality cher           chère        vocu           =       very महँगा
modern      quality moderne        moderne      vub            =       very आधुनिक
comfortable quality confortable    confortable  uc             =       very आरामदेह
heavy       quality lourd          lourde       kou            =       very भारी
cold        quality froid          froide       md             =       very ठंडा
hot         quality chaud          chaude       d              =       very गरम
delicious   quality délicieux      délicieuse   fmd            =       - स्वादिष्ट
interesting quality intéressant    intéressante rn             =       very रोचक
strange     quality étrange        étrange      paornbe        =       very अजीब
red         colour  rouge          rouge        vockhuf        =       - लाल
blue        colour  bleu           bleue        vockhu         =       - नीला
green       colour  vert           verte        vockhuf        =       - हरा
yellow      colour  jaune          jaune        vockhuf        =       - पीला
black       colour  noir           noire        avockhu        =       - काला
white       colour  blanc          blanche      avockhu        =       - सफ़ेद
grey        colour  gris           grise        avockhu        =       - स्लेटी
brown       colour  brun           brune        avockhu        =       - भूरा
french      origin  français       française    pvcrnbfmd      =       - फ़्रांसीसी
italian     origin  italien        italienne    pvcrnbfmd      =       - इतालवी
""")
)

VERBS = tuple(
    Verb(**{**row, "marks": frozenset(row["marks"].split(","))})
    for row in _rows("""
base     third     past       gerund      french     auxiliary subjects objects         marks hindi agent marker
eat      eats      ate        eating      manger     avoir     pa       fm              optional,manner खा ने -
drink    drinks    drank      drinking    boire      avoir     p        d               manner पी ने -
see      sees      saw        seeing      voir       avoir     pa       pavockrhufbgew  - देख ने -
watch    watches   watched    watching    regarder   avoir     pa       pav             manner देख ने -
look_for looks_for looked_for looking_for chercher   avoir     pa       pavockrf        - ढूँढ़ ने -
find     finds     found      finding     trouver    avoir     pa       pavockrf        - पा ने -
hear     hears     heard      hearing     entendre   avoir     pa       pavn            - सुन ने -
follow   follows   followed   following   suivre     avoir     pa       pav             manner पीछा/m_कर ने का
wait_for waits_for waited_for waiting_for attendre   avoir     p        pv              - इंतज़ार/m_कर ने का
help     helps     helped     helping     aider      avoir     p        p               - मदद/f_कर ने की
call     calls     called     calling     appeler    avoir     p        pa              - बुला ने -
protect  protects  protected  protecting  protéger   avoir     pa       pa              - रक्षा/f_कर ने की
feed     feeds     fed        feeding     nourrir    avoir     p        a               - खिला ने -
chase    chases    chased     chasing     poursuivre avoir     a        pa              - दौड़ा ने -
catch    catches   caught     catching    attraper   avoir     pa       a               - पकड़ ने -
wash     washes    washed     washing     laver      avoir     p        avck            manner धो ने -
clean    cleans    cleaned    cleaning    nettoyer   avoir     p        vkhubg          manner साफ़_कर ने -
repair   repairs   repaired   repairing   réparer    avoir     p        vouh            manner ठीक_कर ने -
break    breaks    broke      breaking    casser     avoir     p        okuh            - तोड़ ने -
build    builds    built      building    construire avoir     p        vb              - बना ने -
open     opens     opened     opening     ouvrir     avoir     p        kh              manner खोल ने -
close    closes    closed     closing     fermer     avoir     p        kh              manner बंद_कर ने -
fill     fills     filled     filling     remplir    avoir     p        k               manner भर ने -
buy      buys      bought     buying      acheter    avoir     p        vockrufmd       for ख़रीद ने -
sell     sells     sold       selling     vendre     avoir     p        vockrufmd       - बेच ने -
choose   chooses   chose      choosing    choisir    avoir     p        vockrnufmd      for चुन ने -
prepare  prepares  prepared   preparing   préparer   avoir     p        fm              for तैयार_कर ने -
wear     wears     wore       wearing     porter     avoir     p        c               - पहन ने -
take     takes     took       taking      prendre    avoir     p        ockrf           - ले ने -
hide     hides     hid        hiding      cacher     avoir     p        ock             - छिपा ने -
lose     loses     lost       losing      perdre     avoir     p        ock             - खो ने -
read     reads     -          reading     lire       avoir     p        rn              optional पढ़ ने -
write    writes    wrote      writing     écrire     avoir     p        rn              optional,for लिख ने -
finish   finishes  finished   finishing   finir      avoir     p        rnf             - ख़त्म_कर ने -
visit    visits    visited    visiting    visiter    avoir     p        bw              - दौरा/m_कर ने का
give     gives     gave       giving      donner     avoir     p        ockrfmd         dative दे ने को
show     shows     showed     showing     montrer    avoir     p        avockr          dative दिखा ने को
bring    brings    brought    bringing    apporter   avoir     p        ockrufmd        dative ला - के_पास
talk     talks     talked     talking     parler     avoir     p        -               dative बात/f_कर ने से
obey     obeys     obeyed     obeying     obéir      avoir     p        p               à आज्ञा/f_मान ने की
know     knows     -          -           connaître  avoir     p        pb              stative जान ने को
like     likes     -          -           aimer      avoir     p        pavockrnubgwfmd stative,generic पसंद_हो को 0
love     loves     -          -           adorer     avoir     p        pavockrnubgwfmd stative,generic बहुत_पसंद_हो को 0
hate     hates     -          -           détester   avoir     p        pavockrnubgwfmd stative,generic नफ़रत/f_कर ने से
want     wants     -          -           vouloir    avoir     p        avockrufmd      stative चाह ने 0
have     has       -          -           avoir      avoir     p        avockrufmd      stative,no_relative हो के 0
sleep    sleeps    slept      sleeping    dormir     avoir     pa       -               well,on सो - -
sing     sings     sang       singing     chanter    avoir     p        -               well,on गा ने -
dance    dances    danced     dancing     danser     avoir     p        -               well,on नाच - -
work     works     worked     working     travailler avoir     p        -               well काम/m_कर ने -
swim     swims     swam       swimming    nager      avoir     pa       -               well तैर - -
walk     walks     walked     walking     marcher    avoir     pa       -               manner चल - -
run      runs      ran        running     courir     avoir     pa       -               - दौड़ - -
play     plays     played     playing     jouer      avoir     pa       -               on खेल - -
think    thinks    thought    thinking    réfléchir  avoir     p        -               manner सोच ने -
cry      cries     cried      crying      pleurer    avoir     p        -               - रो - -
laugh    laughs    laughed    laughing    rire       avoir     p        -               - हँस - -
smile    smiles    smiled     smiling     sourire    avoir     p        -               - मुस्कुरा - -
arrive   arrives   arrived    arriving    arriver    être      pav      -               at पहुँच - -
leave    leaves    left       leaving     partir     être      pav      -               manner रवाना_हो - -
come     comes     came       coming      venir      être      pa       -               from आ - -
return   returns   returned   returning   revenir    être      pa       -               from लौट - -
go       goes      went       going       aller      être      pa       -               to जा - -
go_out   goes_out  went_out   going_out   sortir     être      pa       -               - निकल - -
fall     falls     fell       falling     tomber     être      pa       -               on गिर - -
stay     stays     stayed     staying     rester     être      pa       -               on रुक - -
enter    enters    entered    entering    entrer     être      pa       bg              dans प्रवेश/m_कर ने में
sit      sits      -          -           assis      state     pa       -               on बैठा - -
stand    stands    -          -           debout     state     p        -               on खड़ा - -
""")
)

# Adjectives that exclude each other, besides two sizes or two colours.
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
# Nouns that take "of", and the kind of the noun after it.
OF = {"mother": "p", "father": "p", "sister": "p", "brother": "p", "friend": "p", "door": "b", "window": "b"}
# "my man" and "my girl" are idioms.
NOT_OWNED = frozenset({"man", "woman", "boy", "girl"})


@cache
def pairs() -> tuple[tuple[str, str], ...]:
    """Lists every (adjective, noun) pair that the grammar allows, in the order of the lexicon."""
    return tuple((a.english, n.one) for a in ADJECTIVES for n in NOUNS if n.kind in a.attributive + a.predicative)

//! Words that made-up values are made of. Names are common ones of several countries, chosen by hand: not the lists that
//! the product knows.

/// A list by its name in a pattern.
pub fn list(name: &str) -> Option<&'static str> {
    LISTS.iter().find(|(key, _)| *key == name).map(|(_, words)| *words)
}

const LISTS: &[(&str, &str)] = &[
    (
        "first",
        "Anna,Lukas,Sophie,Jürgen,Heike,Thomas,Katrin,Uwe,Marie,Jean-Luc,Camille,Benoît,Élodie,Pierre,Lucía,Javier,\
         María José,Álvaro,Carmen,Giulia,Marco,Francesca,Lorenzo,Sanne,Daan,Femke,Pieter,Agnieszka,Krzysztof,Małgorzata,\
         Piotr,João,Beatriz,Thiago,Fernanda,Emma,Oliver,Charlotte,James,Margaret,Ethan,Priya,Rahul,Mehmet,Ayşe,Olga,\
         Dmitri,Yuki,Chen,Fatima,Omar,Aoife,Sean,Ingrid,Lars,Nora,Mikael,Zsófia,Tomáš,Eleni",
    ),
    (
        "last",
        "Müller,Schneider,Hofmann,Krüger,Weißbach,Brandt,Lefèvre,Moreau,Dubois,Girard,García,Fernández,Ortega,Navarro,\
         Rossi,Bianchi,Esposito,De Luca,van den Berg,Jansen,Bakker,de Vries,Kowalska,Nowak,Wiśniewski,Silva,Oliveira,\
         Pereira,Souza,Smith,Johnson,O'Connor,Taylor,Walker,Hughes,Patel,Sharma,Yılmaz,Demir,Ivanova,Petrov,Tanaka,\
         Wang,Hassan,Murphy,Johansson,Nilsen,Virtanen,Szabó,Novák,Papadopoulos,Meyer-Lindt,Campbell,Reed,Cooper,Bell",
    ),
    (
        "city",
        "Berlin,Hamburg,Köln,Leipzig,Paris,Lyon,Toulouse,Madrid,Sevilla,Valencia,Roma,Milano,Bologna,Utrecht,Rotterdam,\
         Kraków,Gdańsk,Lisboa,Porto,São Paulo,Curitiba,London,Manchester,Leeds,Dublin,Boston,Denver,Portland,Toronto,\
         Mumbai,Istanbul,Oslo,Uppsala,Helsinki,Praha,Wien,Zürich,Basel",
    ),
    (
        "country",
        "Germany,France,Spain,Italy,Netherlands,Poland,Portugal,Brazil,United Kingdom,Ireland,United States,Canada,India,\
         Turkey,Norway,Sweden,Finland,Austria,Switzerland,Japan",
    ),
    ("cc", "DE,FR,ES,IT,NL,PL,PT,BR,GB,IE,US,CA,IN,TR,NO,SE,FI,AT,CH,JP"),
    ("currency", "EUR,USD,GBP,PLN,CHF,BRL,SEK,JPY"),
    ("locale", "de,en,fr,es,it,nl,pl,pt,de-AT,en_US,fr_FR,pt-BR"),
    ("tz", "Europe/Berlin,Europe/Paris,America/New_York,Asia/Tokyo,UTC,America/Sao_Paulo,Australia/Sydney"),
    ("color", "red,blue,green,black,white,silver,anthracite,orange,beige,navy"),
    ("status", "new,open,pending,active,closed,cancelled,paid,shipped,draft,failed"),
    ("adj", "steel,wooden,compact,classic,wireless,organic,folding,ceramic,portable,heavy-duty,soft,digital"),
    ("thing", "lamp,chair,kettle,backpack,keyboard,bicycle,blanket,drill,notebook,monitor,teapot,jacket,speaker,shelf"),
    (
        "latin",
        "lorem,ipsum,dolor,sit,amet,consectetur,adipiscing,elit,sed,tempor,incididunt,labore,magna,aliqua,veniam",
    ),
    (
        "film",
        "The Last Harbour,Silent Engines,A House in Winter,Nine Bridges,Paper Moons,The Orchard,Low Tide,Iron Valley",
    ),
    ("band", "The Grey Foxes,Nordlicht,Los Relojes,Velvet Static,Amber Coast,Ultramarin,Paper Tigers,Echo Harbour"),
    ("genre", "Action,Comedy,Drama,Horror,Travel,Sports,Music,Family,Classics,Documentary"),
    ("language", "English,German,French,Spanish,Italian,Dutch,Polish,Portuguese,Japanese"),
    (
        "job",
        "Sales Manager,Accountant,Software Engineer,Buchhalterin,Geschäftsführer,Comptable,Directeur,Gerente,Operaio,Nurse,Clerk",
    ),
    ("brand", "visa,mastercard,amex,maestro,discover"),
    ("pay", "card,paypal,invoice,bank_transfer,cash,sepa_debit"),
    ("provider", "google,github,facebook,saml,ldap,apple,gitlab"),
    (
        "company",
        "Hansa Logistik GmbH,Dubois & Fils SARL,Northgate Ltd,Talleres Ortega S.L.,Ferro S.p.A.,Bakker B.V.,Kowal Sp. z o.o.,Acme Inc.,Silva Comércio Ltda,Blue Ridge LLC",
    ),
    ("bank", "Sparkasse Nord,Volksbank,BNP,Santander,Intesa,ING,Itaú,Barclays"),
    ("host", "db1,web-03,cache,mail,gw,build7,node-12,api"),
    ("zone", "example.com,example.org,internal.test,corp.example,eu-west.example.net"),
    ("file", "report,invoice,scan,photo,backup,export,readme,logo,contract"),
    ("ext", "pdf,png,jpg,csv,zip,txt,docx"),
    ("mime", "image/png,application/pdf,text/html,video/mp4,text/plain,application/zip"),
    ("saldw", "Herr,Frau,Divers"),
    ("sal", "Mr.,Mrs.,Ms.,Herr,Frau,M.,Mme"),
    ("blood", "A+,A-,B+,B-,0+,0-,AB+,AB-"),
    ("marital", "single,married,divorced,widowed,ledig,verheiratet"),
    ("religion", "rk,ev,none,muslim,jewish,orthodox"),
    ("ethnicity", "white,black,asian,hispanic,mixed,other"),
    ("medical", "hypertension,asthma,type 2 diabetes,fracture of radius,migraine,iron deficiency"),
    ("icd", "J45.9,E11.9,I10,S52.5,G43.0,D50.9,M54.5"),
    (
        "agent",
        "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0,Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML like Gecko) Chrome/126.0 Safari/537.36,Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 Mobile/15E148",
    ),
    ("phone_model", "iPhone 13,Pixel 8,Galaxy S22,Redmi Note 12,Xperia 5"),
    ("setting", "smtp_host,site_title,max_upload,theme_color,default_locale,notify_email_enabled"),
    ("meta", "nickname,show_admin_bar,locale,wp_capabilities,billing_phone,shipping_city"),
    ("env", "DATABASE_URL,API_TOKEN,DEPLOY_ENV,SENTRY_DSN,NODE_ENV"),
    ("column", "id,created_at,email,total,status,customer_id,name"),
    ("osmkey", "highway,name,building,addr:street,surface,phone,ref"),
    ("algo", "bcrypt,argon2id,HS256,RS256,sha256,pbkdf2"),
    ("toktype", "bearer,refresh,mac,access"),
    ("iata", "FRA,JFK,CDG,AMS,GRU,LHR,WAW,MAD,HND"),
    ("course", "Introduction to Algebra,German A2,Organic Chemistry,World History,Linear Systems"),
    ("street_en", "High Street,Mill Lane,Oak Avenue,Church Road,Elm Drive,Park Way,Station Road,Maple St"),
    ("street_de", "Hauptstraße,Lindenweg,Bahnhofstr.,Goetheplatz,Am Mühlbach,Schillerstr.,Rosengasse,Ringstraße"),
    ("street_fr", "rue de la Paix,avenue Victor Hugo,boulevard Voltaire,place du Marché,chemin des Vignes"),
    ("street_es", "Calle Mayor,Avenida de la Constitución,Plaza del Sol,Calle Real,Paseo del Prado"),
    ("street_it", "Via Roma,Corso Garibaldi,Piazza Dante,Viale Europa,Via Mazzini"),
    ("street_nl", "Kerkstraat,Dorpsweg,Molenlaan,Prinsengracht,Julianaplein"),
    ("street_pl", "ul. Długa,ul. Kościuszki,al. Niepodległości,pl. Wolności,ul. Polna"),
    ("street_br", "Rua das Flores,Avenida Paulista,Travessa São João,Rua XV de Novembro"),
    ("tussen", "van,de,van der,van den,ter"),
    ("seed", "sun,fox,lake,pixel,nova,echo,moss,kite,ember,quartz,raven,cloud"),
    (
        "mask",
        "Please call me back about the booking,Das Paket ist leider nicht angekommen,Le colis est arrivé en retard,El pedido llegó roto,Thanks for the quick help,Bitte die Rechnung korrigieren,The room was too loud at night,Proszę o kontakt w sprawie faktury,Il servizio è stato ottimo",
    ),
    (
        "subject",
        "Question about my order,Rechnung falsch,Login does not work,Remboursement,Cancel my booking,Re: appointment on Monday",
    ),
];

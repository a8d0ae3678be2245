//! Foreign keys between what is written and what is staging's own: `plan` lists each, in both directions, and what becomes of its rows.

use crate::shapes::Flow;

majors!(plan_lists_each_key_that_crosses);

const RULES: &str = "tables: { \"public.*\": keep }
protect:
  tables: [own.kept, own.nulled, own.removed, own.places]
  rows: { public.settings: \"key LIKE 'own.%'\" }
  on_referenced: { own.nulled: null, own.removed: remove }
";

const TABLES: &str =
    "CREATE TABLE p (id int PRIMARY KEY); CREATE TABLE q (id int PRIMARY KEY, p int REFERENCES p, place int);
    CREATE TABLE settings (key text PRIMARY KEY, p int REFERENCES p);";

/// One of each kind; `free` is staging's own, and nothing in the file is about it.
const OWN: &str =
    "CREATE SCHEMA own; CREATE TABLE own.places (id int PRIMARY KEY); CREATE TABLE own.kept (p int REFERENCES p);
    CREATE TABLE own.nulled (p int REFERENCES p); CREATE TABLE own.removed (p int REFERENCES p);
    CREATE TABLE own.free (p int REFERENCES p); ALTER TABLE q ADD FOREIGN KEY (place) REFERENCES own.places";

async fn plan_lists_each_key_that_crosses(major: u32) {
    let flow = Flow::with(major, "crossing", RULES).await;
    flow.both(TABLES).await;
    flow.target(OWN).await;
    let plan = flow.sluice.run(&["plan"]).await.stdout;
    let stays = "a row that production deletes stays for as long as it is referred to";
    for line in [
        format!("own.kept (protected) refers to public.p, which is written, by kept_p_fkey: {stays}"),
        format!("own.free (staging's own) refers to public.p, which is written, by free_p_fkey: {stays}"),
        format!("public.settings (rows of staging's own) refers to public.p, which is written, by settings_p_fkey: {stays}"),
        "own.nulled (protected) refers to public.p, which is written, by nulled_p_fkey: the reference to a row that production deletes becomes NULL".into(),
        "own.removed (protected) refers to public.p, which is written, by removed_p_fkey: with a row that production deletes it goes to sluice.removed".into(),
        "public.q is written and refers to own.places (protected) by q_place_fkey: production's references may not exist there; sluice orphans counts them".into(),
    ] {
        assert!(plan.contains(&line), "{line}\n{plan}");
    }
    assert!(!plan.contains("q_p_fkey"), "both ends are production's: {plan}");
}

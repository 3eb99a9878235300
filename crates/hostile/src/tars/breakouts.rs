//! What containerd's test `TestBreakouts` names, written anew from the names. As there, links lead inside the root; names
//! with `..` and whiteouts below whiteouts, some of which containerd takes, are refused.

use super::{Case, Layer, MODULE, links::HARD, t};
use crate::{Outcome, Tar};

const PARENT: &str = "whose path has `..` in it";
const EMPTY: &str = "whose name is empty";
const WHITEOUT: &str = "a malformed whiteout";

pub(super) fn cases() -> Vec<Case> {
    [symlinks(), hard_links(), overrides(), whiteouts()].into_iter().flatten().collect()
}

/// An image with a file `etc/passwd`, and the attack in the same layer.
fn same(name: &'static str, attack: Tar, why: &'static str) -> Case {
    let layers = vec![Layer::plain(inside().then(attack).end())];
    case(name, layers, why)
}

/// The attack in a layer above.
fn over(name: &'static str, below: Tar, attack: Tar, why: &'static str) -> Case {
    case(name, vec![Layer::plain(inside().then(below).end()), Layer::plain(attack.end())], why)
}

fn case(name: &'static str, layers: Vec<Layer>, why: &'static str) -> Case {
    let refused = Outcome::Refused("Entry", why);
    let (read, unpack) = match why {
        "" => (Outcome::Fine, Outcome::Fine),
        PARENT => (refused, refused),
        EMPTY => (Outcome::Refused("Entrypoint", "below a link or file"), refused),
        _ => (Outcome::Fine, refused),
    };
    Case { name, rule: "containerd's breakouts", layers, read, unpack }
}

fn inside() -> Tar {
    t().file("app.wasm", MODULE).dir("etc").file("etc/passwd", b"inside")
}

fn symlinks() -> Vec<Case> {
    let unbroken = |tar: Tar, dir: &str| tar.file(format!("{dir}/unbroken"), b"unbroken");
    vec![
        same("SymlinkAbsolute", unbroken(t().symlink("localetc", "/etc"), "localetc"), ""),
        same(
            "SymlinkUpAndOut",
            unbroken(t().dir("dummy").symlink("localetc", "dummy/../etc"), "localetc"),
            "",
        ),
        same(
            "SymlinkMultipleAbsolute",
            unbroken(t().symlink("dummy/etc", "/etc").symlink("localetc", "/dummy/etc"), "dummy/etc"),
            "",
        ),
        same(
            "SymlinkMultipleRelative",
            unbroken(t().symlink("dummy/etc", "../etc").symlink("localetc", "./dummy/etc"), "localetc"),
            "",
        ),
        same(
            "SymlinkEmptyFile",
            t().file("etc/emptied", b"notempty").symlink("localetc", "etc").file("localetc/emptied", b""),
            "",
        ),
        same("SymlinkParentDirectory", t().symlink("..", "/etc/").link("mine", "etc/passwd"), PARENT),
        same("SymlinkEmptyFilename", t().symlink("", "/etc/").link("mine", "etc/passwd"), EMPTY),
        same("SymlinkParentRelative", t().symlink("localetc/sub/..", "/etc/"), PARENT),
        same(
            "SymlinkSlashEnded",
            t().symlink("localetc/", "etc").link("localetc/localpasswd", "etc/passwd"),
            "",
        ),
    ]
}

fn hard_links() -> Vec<Case> {
    let through = |tar: Tar, link: &str| tar.link("mine", format!("{link}/passwd"));
    vec![
        same(
            "HardlinkRelative",
            through(t().dir("breakouts").symlink("breakouts/d1", "../../etc"), "breakouts/d1"),
            "",
        ),
        same(
            "HardlinkDownAndOut",
            through(t().dir("down").symlink("breakouts/d1", "../down/../../etc"), "breakouts/d1"),
            "",
        ),
        same("HardlinkAbsolute", through(t().symlink("localetc", "/etc"), "localetc"), ""),
        same(
            "HardlinkRelativeLong",
            through(t().symlink("localetc", "../../../../../../../etc"), "localetc"),
            "",
        ),
        same(
            "HardlinkRelativeUpAndOut",
            through(t().symlink("localetc", "upandout/../../../etc"), "localetc"),
            HARD,
        ),
        same("HardlinkDirectRelative", t().link("mine", "../../../../../etc/passwd"), HARD),
        same("HardlinkDirectAbsolute", t().link("mine", "/etc/passwd"), HARD),
        same(
            "HardlinkSymlinkBeforeCreateTarget",
            t().symlink("l", "etc/later").link("mine", "l").file("etc/later", b""),
            "",
        ),
        same("HardlinkSymlinkRelative", t().symlink("l", "../../etc/passwd").link("mine", "l"), ""),
        same("HardlinkSymlinkAbsolute", t().symlink("l", "/etc/passwd").link("mine", "l"), ""),
        same(
            "HardlinkSymlinkChmod",
            t().link("sketchy", "../canary/file").entry(b'0', "sketchy", "", b""),
            HARD,
        ),
    ]
}

fn overrides() -> Vec<Case> {
    let linked = || t().symlink("localetc", "etc");
    vec![
        over(
            "SymlinkOverrideDirectory",
            t().dir("localetc"),
            linked().link("localetc/mine", "etc/passwd"),
            "",
        ),
        over(
            "SymlinkOverrideDirectoryRelative",
            t().dir("localetc"),
            t().symlink("localetc", "../../etc").link("localetc/mine", "etc/passwd"),
            "",
        ),
        over(
            "DirectoryOverrideSymlink",
            linked(),
            t().dir("localetc").link("localetc/mine", "etc/passwd"),
            "",
        ),
        over(
            "DirectoryOverrideSymlinkAndHardlink",
            linked().link("hard", "etc/passwd"),
            t().dir("localetc").file("localetc/passwd", b"different").file("hard", b"different"),
            "",
        ),
    ]
}

fn whiteouts() -> Vec<Case> {
    let empty = |name: &str| t().file(name, b"");
    let linked = |to: &str| t().symlink("localetc", to);
    vec![
        over("WhiteoutRootParent", t(), empty(".wh..."), WHITEOUT),
        over("WhiteoutParent", t(), empty("etc/.wh..."), WHITEOUT),
        over("WhiteoutRoot", t(), empty(".wh.."), WHITEOUT),
        over("WhiteoutCurrentDirectory", t(), empty("etc/.wh.."), WHITEOUT),
        over("WhiteoutSymlink", linked("etc"), empty(".wh.localetc"), ""),
        over("WhiteoutSymlinkPath", linked("etc"), empty("localetc/.wh.passwd"), ""),
        over("WhiteoutDirectoryName", t(), t().file(".wh.etc/somefile", b"non-empty"), WHITEOUT),
        over("WhiteoutDeadSymlinkParent", linked("dne"), empty("localetc/.wh.etc"), ""),
        over("WhiteoutRelativePath", t(), empty("dne/../.wh.etc"), PARENT),
    ]
}

"""Twenty migrators at once on an empty database."""
import subprocess

from lib.instance import base_settings
from lib.postgres import TEMPLATE
from lib.process import as_user
from lib.replica import ctl, environment, run_ctl

MIGRATORS = 20


def schema(cluster, name):
    dump = subprocess.run(
        as_user("postgres", ["pg_dump", "--schema-only", cluster.url(name)]),
        check=True, capture_output=True, text=True, cwd="/tmp").stdout
    return [line for line in dump.splitlines()
            if not line.startswith(("\\restrict", "\\unrestrict"))]


def test_twenty_at_once_leave_one_schema(cluster, vault, template):
    name = cluster.create(template="template0")
    env = environment(base_settings(vault, cluster.url(name)))
    running = [subprocess.Popen([str(ctl()), "migrate"], env=env, text=True,
                                stdout=subprocess.PIPE,
                                stderr=subprocess.STDOUT)
               for _ in range(MIGRATORS)]
    outcomes = [(p.communicate(timeout=120)[0], p.returncode)
                for p in running]
    assert [code for _, code in outcomes] == [0] * MIGRATORS, outcomes
    assert schema(cluster, name) == schema(cluster, TEMPLATE)


def test_again_changes_nothing(cluster, vault, template):
    name = cluster.create()
    before = schema(cluster, name)
    done = run_ctl(base_settings(vault, cluster.url(name)), "migrate")
    assert done.returncode == 0
    assert schema(cluster, name) == before


def test_migrate_fails_clearly_without_a_database(vault, template):
    done = run_ctl(base_settings(
        vault, "postgresql://licet@127.0.0.1:1/none"), "migrate",
        check=False)
    assert done.returncode != 0
    assert done.stderr.strip()


def test_doctor_is_content_with_a_sound_installation(cluster, vault,
                                                      template, pair):
    done = run_ctl(pair.settings, "doctor", check=False)
    assert done.returncode == 0, done.stdout + done.stderr

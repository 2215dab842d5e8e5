# Two images, which share nothing but the contract package:
#
#     docker build --target operator -t lingraft/operator .
#     docker build --target trainer -t lingraft/trainer .
#
# TORCH says which torch the trainer gets: `cuda`, as PyPI has it (that of arm64 is for the CPU), or
# `cpu`, a third of the size, for x86_64 alone. PyPI has no such wheel: say in FIND_LINKS on which
# page or in which folder it lies; constraints.txt has its hash.
#
# BASE is Python 3.11 on Debian; a release names it with its digest. Whatever is installed comes at
# the version and hash that constraints.txt names.
ARG BASE=python:3.11-slim

# uv installs, from a folder that no layer keeps: pip and the like are in neither image.
FROM ${BASE} AS runtime
RUN rm -rf /usr/local/bin/pip* /usr/local/lib/python3.11/site-packages/* && \
    python -m venv --without-pip /opt/lingraft
ENV PATH=/opt/lingraft/bin:$PATH \
    HOME=/tmp \
    PYTHONUNBUFFERED=1
WORKDIR /usr/share/doc/lingraft
COPY constraints.txt pyproject.toml ./

# Under a read-only root nobody can write bytecode later. What is removed is a third of the size,
# and used by nobody: kubernetes' second client, for asyncio, and AWS's services beside S3.
FROM runtime AS operator-packages
RUN python -m venv /tmp/tools && \
    sed -n '/^uv==/,/[^\\]$/p' constraints.txt >/tmp/tools/uv.txt && \
    /tmp/tools/bin/pip install --no-cache-dir --require-hashes -r /tmp/tools/uv.txt && \
    /tmp/tools/bin/uv pip install --python /opt/lingraft --no-cache --compile-bytecode \
      --system-certs --require-hashes -c constraints.txt -r pyproject.toml --extra operator && \
    rm -rf /tmp/tools /opt/lingraft/lib/python3.11/site-packages/kubernetes/aio && \
    find /opt/lingraft/lib/python3.11/site-packages/botocore/data -mindepth 1 -maxdepth 1 -type d \
      ! -name s3 ! -name sts -exec rm -rf {} +

# Ray starts a dozen Pythons, and the base lacks bytecode of the standard library (a test of Python's
# own that does not compile is no loss).
FROM runtime AS trainer-packages
RUN python -m compileall -qq "$(python -c 'import os; print(os.path.dirname(os.__file__))')" || true
ARG TORCH=cuda
ARG FIND_LINKS=
# Of 2.13.0 and a local 2.13.0+cpu uv takes the latter, but wants its hash under just that version.
RUN case "$TORCH" in \
      cpu) sed -Ei 's/^(torch==[0-9.]+) /\1+cpu /' constraints.txt ;; \
      cuda) ;; \
      *) echo "TORCH is cpu or cuda, not '$TORCH'" >&2; exit 2 ;; \
    esac && \
    python -m venv /tmp/tools && \
    sed -n '/^uv==/,/[^\\]$/p' constraints.txt >/tmp/tools/uv.txt && \
    /tmp/tools/bin/pip install --no-cache-dir --require-hashes -r /tmp/tools/uv.txt && \
    /tmp/tools/bin/uv pip install --python /opt/lingraft --no-cache --compile-bytecode \
      --system-certs --require-hashes -c constraints.txt -r pyproject.toml --extra trainer --extra mlflow --extra gguf --extra serve \
      ${FIND_LINKS:+--find-links "$FIND_LINKS"} && \
    rm -rf /tmp/tools

# Sources come last: when they change, nothing of the above is made again.
FROM operator-packages AS operator
COPY tools/images/sbom.py ./
COPY lingraft /opt/lingraft/lib/python3.11/site-packages/lingraft
COPY operator/lingraft_operator /opt/lingraft/lib/python3.11/site-packages/lingraft_operator
RUN chmod -R a+rX /opt/lingraft/lib/python3.11/site-packages/lingraft* && \
    python -m compileall -q /opt/lingraft/lib/python3.11/site-packages/lingraft* && \
    python sbom.py lingraft/operator >sbom.json && \
    rm sbom.py && \
    groupadd --gid 65532 lingraft && \
    useradd --no-log-init --uid 65532 --gid 65532 --no-create-home --home-dir /tmp \
      --shell /usr/sbin/nologin lingraft
ARG VERSION=0.1.0
LABEL org.opencontainers.image.title="lingraft operator" \
      org.opencontainers.image.description="Kubernetes operator of lingraft's LanguageAdaptation" \
      org.opencontainers.image.licenses=Apache-2.0 \
      org.opencontainers.image.version=$VERSION
WORKDIR /
USER 65532:65532
ENTRYPOINT ["python", "-m", "lingraft_operator"]

FROM trainer-packages AS trainer
COPY tools/images/sbom.py ./
COPY lingraft /opt/lingraft/lib/python3.11/site-packages/lingraft
COPY trainer/lingraft_trainer /opt/lingraft/lib/python3.11/site-packages/lingraft_trainer
# The file in profile.d is for login shells of KubeRay's, which begin with a PATH of their own.
RUN chmod -R a+rX /opt/lingraft/lib/python3.11/site-packages/lingraft* && \
    python -m compileall -q /opt/lingraft/lib/python3.11/site-packages/lingraft* && \
    python sbom.py lingraft/trainer >sbom.json && \
    rm sbom.py && \
    groupadd --gid 1000 lingraft && \
    useradd --no-log-init --uid 1000 --gid 1000 --no-create-home --home-dir /tmp \
      --shell /bin/bash lingraft && \
    echo "PATH=/opt/lingraft/bin:\$PATH" >/etc/profile.d/lingraft.sh
ARG VERSION=0.1.0
LABEL org.opencontainers.image.title="lingraft trainer" \
      org.opencontainers.image.description="Ray head and workers that run lingraft's stages" \
      org.opencontainers.image.licenses=Apache-2.0 \
      org.opencontainers.image.version=$VERSION
WORKDIR /
USER 1000:1000
ENTRYPOINT ["python", "-m", "lingraft_trainer"]

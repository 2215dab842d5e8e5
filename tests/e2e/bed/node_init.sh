#!/bin/bash
# The first process of a node, in namespaces of its own (network, mounts, processes, name): when
# it ends, everything that runs on the node ends with it, and every mount is gone.
#
#   node_init.sh NAME FOLDER IMAGES     FOLDER is the node's; IMAGES, containerd's, outlives it
set -euo pipefail
name=$1 folder=$2 images=$3

hostname "$name"
mkdir -p "$folder"/{kubelet,log}
mount -t tmpfs tmpfs /run
mkdir /run/{images,kubelet}
mount --bind "$images" /run/images
mount --bind "$folder/kubelet" /run/kubelet
mount --bind "$folder/log" /var/log
mount -t tmpfs tmpfs /var/lib # what daemons write there whatever they are told
# The kubelet would set these for the whole machine. Here it finds that they are right already.
for setting in vm/overcommit_memory=1 kernel/panic=10 kernel/panic_on_oops=1; do
    fake=/run/sysctl-$(basename "${setting%=*}")
    echo "${setting#*=}" >"$fake"
    mount --bind "$fake" "/proc/sys/${setting%=*}"
done
touch "$folder/initialized"

# Orphans become ours; bash reaps them while it waits.
while :; do
    sleep infinity &
    wait
done

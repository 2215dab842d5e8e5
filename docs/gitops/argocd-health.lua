-- Health of a LanguageAdaptation for Argo CD, by the conditions that kstatus reads too.
-- Put into argocd-cm as resource.customizations.health.lingraft.dev_LanguageAdaptation.
local function answer(status, message)
  return { status = status, message = message }
end

local seen = obj.status or {}
if seen.conditions == nil then
  return answer("Progressing", "Waiting for the operator")
end
if seen.observedGeneration ~= obj.metadata.generation then
  return answer("Progressing", "Waiting for the operator to see the last change")
end

local conditions = {}
for _, condition in ipairs(seen.conditions) do
  conditions[condition.type] = condition
end
local ready, stalled = conditions.Ready or {}, conditions.Stalled or {}

if stalled.status == "True" then
  return answer("Degraded", stalled.reason .. ": " .. stalled.message)
end
if ready.status == "True" then
  return answer("Healthy", ready.message)
end
if ready.reason == "Suspended" then
  return answer("Suspended", ready.message)
end
return answer("Progressing", ready.message)
